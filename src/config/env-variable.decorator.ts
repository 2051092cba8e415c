import 'reflect-metadata';

/** Documentation of an environment variable. Its type and default come from the class property. */
export interface EnvVariableDocumentation {
  description: string;
  /** Whether messages and logs must not contain its value. */
  secret?: boolean;
}

const KEY = Symbol('env-variables');

type Variables = Map<string, EnvVariableDocumentation>;

/** Marks a property of a group of environment variables as a documented variable. */
export function EnvVariable(documentation: EnvVariableDocumentation): PropertyDecorator {
  return (target, property) => {
    const variables = envVariablesOf(target.constructor);
    Reflect.defineMetadata(KEY, variables.set(String(property), documentation), target.constructor);
  };
}

/** The documented variables of a group, by name, in the order of its properties. */
export function envVariablesOf(group: object): Variables {
  return (
    (Reflect.getOwnMetadata(KEY, group) as Variables | undefined) ??
    new Map<string, EnvVariableDocumentation>()
  );
}
