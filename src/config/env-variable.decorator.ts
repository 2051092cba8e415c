import 'reflect-metadata';

/** What the documentation says of an environment variable; its type and default are the class property's own. */
export interface EnvVariableDocumentation {
  description: string;
  /** Its value is never printed: not in a message, not in a log. */
  secret?: boolean;
}

const KEY = Symbol('env-variables');

type Variables = Map<string, EnvVariableDocumentation>;

/** Marks a property of the environment class as a documented variable. */
export function EnvVariable(documentation: EnvVariableDocumentation): PropertyDecorator {
  return (target, property) => {
    const known = ownVariablesOf(target);
    known.set(String(property), documentation);
    Reflect.defineMetadata(KEY, known, target);
  };
}

/** The documented variables of an environment class, by name: its own in their order, then those of what it extends. */
export function envVariablesOf(prototype: object): Variables {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  return new Map([...ownVariablesOf(prototype), ...(parent ? envVariablesOf(parent) : [])]);
}

function ownVariablesOf(prototype: object): Variables {
  return (
    (Reflect.getOwnMetadata(KEY, prototype) as Variables | undefined) ??
    new Map<string, EnvVariableDocumentation>()
  );
}
