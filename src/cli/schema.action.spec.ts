import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInputField,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { packagePath } from '../database/sql-files.js';
import { printedSchema } from './schema.action.js';

describe('schema.gql', () => {
  const committed = readFileSync(packagePath('schema.gql'), 'utf8');

  it('matches the code (if not, run: npm run schema)', async () => {
    expect(committed).toBe(await printedSchema());
  });

  it('describes every type, field, argument and value', () => {
    const described: { name: string; description?: string | null | undefined }[] = [];
    const add = (owner: string, one: { name: string; description?: string | null | undefined }): void => {
      described.push({ name: `${owner}.${one.name}`, description: one.description });
    };
    for (const type of Object.values(buildSchema(committed).getTypeMap())) {
      if (type.name.startsWith('__') || isSpecifiedScalarType(type)) continue;
      if (!['Query', 'Mutation', 'Subscription'].includes(type.name)) add('', type);
      if (isEnumType(type)) for (const value of type.getValues()) add(type.name, value);
      if (!isObjectType(type) && !isInputObjectType(type)) continue;
      const fields = Object.values<GraphQLField<unknown, unknown> | GraphQLInputField>(type.getFields());
      for (const field of fields) {
        add(type.name, field);
        if ('args' in field) for (const arg of field.args) add(`${type.name}.${field.name}`, arg);
      }
    }
    expect(described.length).toBeGreaterThan(200);
    expect(described.filter(({ description }) => !description).map(({ name }) => name)).toEqual([]);
  });
});
