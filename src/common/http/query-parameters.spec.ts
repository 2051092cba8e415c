import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { ChoiceParameter, OptionalTextParameter, TextParameter, TimeParameter } from './query-parameters.js';

class Query {
  @TextParameter('the id of a tracker')
  id!: string;

  @OptionalTextParameter()
  name?: string;

  @TimeParameter()
  at!: Date;

  @ChoiceParameter(['low', 'high'])
  detail = 'low';
}

const VALID = { id: '1', at: '2025-01-31T23:59:59Z' };

function read(parameters: Record<string, unknown>): { query: Query; problems: string[] } {
  const query = plainToInstance(Query, { ...VALID, ...parameters });
  const problems = validateSync(query).flatMap(({ constraints }) => Object.values(constraints ?? {}));
  return { query, problems };
}

describe('query parameters', () => {
  it('accept valid values, and parse times', () => {
    const { query, problems } = read({ name: '', detail: 'high' });
    expect(problems).toEqual([]);
    expect(query).toMatchObject({ id: '1', at: new Date(VALID.at), name: undefined, detail: 'high' });
    expect(read({ name: 'Bike' }).query.name).toBe('Bike');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ id: undefined }, 'id is missing; it must be the id of a tracker'],
    [{ id: '' }, 'id is missing; it must be the id of a tracker'],
    [{ id: ['1', '2'] }, 'id must be given once (got 2 values)'],
    [{ name: ['a', 'b'] }, 'name must be given once (got 2 values)'],
    [
      { at: '2025-01-31' },
      'at must be a time in RFC 3339 with an offset, e.g. 2025-01-31T23:59:59Z (got "2025-01-31")',
    ],
    [{ at: [VALID.at, VALID.at] }, 'at must be given once (got 2 values)'],
    [{ detail: 'all' }, 'detail must be one of low, high (got "all")'],
  ])('reject %j and name the parameter', (parameters, problem) => {
    expect(read(parameters).problems).toEqual([problem]);
  });
});
