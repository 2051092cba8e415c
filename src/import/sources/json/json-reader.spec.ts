import { describe, expect, it } from '@jest/globals';
import { Random } from '../../../../test/support/random.js';
import { DomainError } from '../../../common/errors/domain-error.js';
import { type ItemPath, type JsonItem, JsonReader } from './json-reader.js';

function read(
  text: string,
  itemPath: ItemPath = ['a'],
  size = text.length,
): { items: JsonItem[]; error?: DomainError } {
  const items: JsonItem[] = [];
  const reader = new JsonReader('walk', itemPath, (item) => items.push(item));
  try {
    for (let at = 0; at < text.length; at += Math.max(size, 1)) {
      reader.read(text.slice(at, at + size));
    }
    reader.end();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { items, error };
  }
  return { items };
}

describe('JsonReader', () => {
  it('extracts the elements of the given lists, with the line on which each starts', () => {
    const text =
      '{"x": [[1]],\n"a": [{"b": [1, {"a": [2]}]},\n\n [3], "{", 5e0, null, true], "c": {"a": [6]},\n"d": [7]}\n{"a":[8]}';
    for (const size of [1, 2, 3, 7, 1000]) {
      const { items, error } = read(text, ['a', 'd'], size);
      expect(error).toBeUndefined();
      expect(items.map(({ value }) => value)).toEqual([
        { b: [1, { a: [2] }] },
        [3],
        '{',
        5,
        null,
        true,
        7,
        8,
      ]);
      expect(items.map(({ list, index }) => `${list}${index}`).join(' ')).toBe('a0 a1 a2 a3 a4 a5 d0 a0');
      expect(items.slice(0, 1).map(({ line }) => line)).toEqual([2]);
      expect(items.at(-1)?.line).toBe(6);
    }
  });

  it('extracts whole documents, or the elements of a list', () => {
    expect(read('{"a":1}\n[2] 3 "x"', 'document').items.map(({ value }) => value)).toEqual([
      { a: 1 },
      [2],
      3,
      'x',
    ]);
    expect(read('[{"a":1},\n[2],3][4]', 'list').items.map(({ value }) => value)).toEqual([
      { a: 1 },
      [2],
      3,
      4,
    ]);
    expect(read('{"a":[1]}', 'list').items).toEqual([]);
  });

  it('parses like JSON.parse, however the text is split', () => {
    const random = new Random(11);
    const any = (depth: number): unknown => {
      const kind = random.int(depth > 3 ? 4 : 6);
      if (kind === 0) return random.pick([0, -1.5, 1e-7, 12345678901234, -0.1e21]);
      if (kind === 1) return random.pick(['', 'a{b}c', '"\\\n\u0007', 'Łódź 🏙', '\ud800', 'x'.repeat(300)]);
      if (kind === 2) return random.pick([null, true, false]);
      if (kind === 3) return random.oneIn(2) ? [] : {};
      const many = Array.from({ length: random.int(4) }, () => any(depth + 1));
      return kind === 4
        ? many
        : Object.fromEntries(
            many.map((value, i) => [random.pick(['a', '__proto__', '{', 'ü']) + String(i), value]),
          );
    };
    for (let round = 0; round < 300; round++) {
      const items = Array.from({ length: random.int(5) }, () => any(0));
      const text = JSON.stringify({ b: any(0), a: items, c: any(0) }, null, random.int(3));
      const { items: extracted, error } = read(text, ['a'], 1 + random.int(200));
      expect(error).toBeUndefined();
      expect(extracted.map(({ value }) => value)).toEqual(items);
    }
  });

  it.each([
    ['{"a":[{"b":1},{"b":tru}]}', 'line 1, column 20: not JSON: expected a value', 1],
    ['{"a":[{"b":1},\n {"b":1,}]}', "line 2, column 9: not JSON: unexpected token '}'", 1],
    ['{"a":[{"b":1} {"b":1}]}', "line 1, column 15: not JSON: expected ','", 1],
    ['{"a":[{"b":1}}', "line 1, column 14: not JSON: expected ']'", 1],
    ['{"a":[{"b":1}]]', "line 1, column 15: not JSON: expected '}'", 1],
    ["{'a':[]}", 'line 1, column 2: not JSON', 0],
    ['{"a":[{"b":"\n"}]}', 'line 1, column 13: not JSON', 0],
    ['{"a":[{"b":"\\x"}]}', 'line 1, column 13: not JSON', 0],
    ['{"a":[{"b":01}]}', 'line 1, column 13: not JSON', 0],
    ['{"a":[{"b":NaN}]}', 'line 1, column 12: not JSON', 0],
    ['{"a":[{"b":[{}],\n1}]}', 'line 2, column 1: not JSON', 0],
    ['{"a":[]} x', 'line 1, column 10: not JSON: expected a value', 0],
    ['{"a":[{"b":1},{"}":1,"{":2 3}]}', "line 1, column 28: not JSON: expected ','", 1],
    ['{"a":[{"b":1},{"}\\u00":1}]}', 'line 1, column 18: not JSON: ', 1],
    ['{"a":[]} 5 {}', 'line 1, column 13: a document must be an object or a list', 0],
  ])(
    'reports the position of the error in %j, after extracting the items before it',
    (text, message, before) => {
      for (const size of [1, text.length]) {
        const { items, error } = read(text, ['a'], size);
        expect(items).toHaveLength(before);
        expect(error?.message).toContain(`walk: `);
        expect(error?.message).toContain(message);
        expect(error?.details).toMatchObject({
          source: 'walk',
          line: expect.any(Number),
          column: expect.any(Number),
        });
      }
    },
  );

  it.each([
    [
      '{"a":[{"b":1},\n{"b":',
      'the file ends in the middle of an object (item 2 of "a") at line 2, column 6: the file is truncated',
    ],
    ['{"a":[{"b":1}', 'the file ends in the middle of a list at line 1, column 14: the file is truncated'],
    [
      '{"a":[{"b":"x',
      'the file ends in the middle of an object (item 1 of "a") at line 1, column 14: the file is truncated',
    ],
    ['{"a":[{"b":tr', 'in the middle of an object'],
    ['{"a":[{"b":"\\u00', 'in the middle of an object'],
    ['{"a":[1]\n', 'the file ends in the middle of an object at line 2, column 1: the file is truncated'],
    ['{"a":[-', 'in the middle of a list'],
    [
      '{"a":[{"b":[{}],\n',
      'in the middle of an object (item 1 of "a") at line 2, column 1: the file is truncated',
    ],
    ['{"a":[]}\n{', 'in the middle of an object at line 2, column 2'],
  ])('reports where %j is truncated', (text, message) => {
    expect(read(text).error?.message).toContain(message);
  });
});
