import { Assembler } from 'stream-json/core/assembler.js';
import { brokenSource } from '../source-errors.js';
import { goodLength, type Landmark } from './json-place.js';
import { JsonTokens, type Token } from './json-tokens.js';

/** Where a document has its items: it is one, it is a list of them, or it has lists of them under these keys. */
export type ItemPlaces = 'document' | 'list' | readonly string[];

export interface JsonItem {
  /** The parsed value, or {@link TOO_LARGE}. */
  readonly value: unknown;
  /** Line on which the item starts. */
  readonly line: number;
  /** Approximate, in characters. */
  readonly length: number;
  /** Key of its list; empty if it has none. */
  readonly list: string;
  /** Its index in the list, or among the documents. */
  readonly index: number;
}

export const TOO_LARGE = Symbol('item too large');
/** In characters. An item is held in memory as a whole; the largest are GeoJSON lines, where this is about a day at 1 Hz. */
export const MAX_ITEM = 8_388_608;
/** Characters in one text, number or white space. */
const MAX_SILENT = 1_048_576;
const MAX_DEPTH = 100;
/** A piece without a brace ends after this many characters. */
const MAX_PIECE = 16_384;
/** Characters kept to find the position of an error. */
const MAX_UNSURE = 65_536;

/**
 * Extracts items from JSON that arrives in pieces, possibly several documents in sequence, and skips the rest.
 *
 * The parser gets pieces that end with a brace, because it loses the tokens of a piece that it rejects, and no item ends within
 * such a piece. So every item before an error is extracted, and the line of each item is known.
 */
export class JsonReader {
  private readonly tokens = new JsonTokens();
  /** The open containers, outermost first: a `{` or `[` for each. */
  private open = '';
  private assembler = new Assembler();
  private rest = '';
  /** Position after the text given to the parser. */
  private line = 1;
  private column = 1;
  private readonly landmark: Landmark = { line: 1, column: 1, open: '', opened: false };
  /** Text given to the parser since the landmark; undefined if that is too long. */
  private unsure: string | undefined = '';
  private silent = 0;
  /** Number of containers around an item. */
  private readonly itemDepth: number;
  private list: { readonly key: string; count: number } | undefined;
  private key = '';
  /** The item being read. */
  private item: { readonly line: number; length: number; tooLarge: boolean } | undefined;

  /** @param name of the source, for messages. */
  constructor(
    private readonly name: string,
    private readonly places: ItemPlaces,
    private readonly onItem: (item: JsonItem) => void,
  ) {
    this.itemDepth = places === 'document' ? 0 : places === 'list' ? 1 : 2;
    if (places === 'document') {
      this.list = { key: '', count: 0 };
    }
  }

  /** @throws DomainError `BAD_USER_INPUT`; after that nothing more can be read. */
  read(text: string): void {
    const all = this.rest + text;
    const brace = /[{}]/g;
    brace.lastIndex = this.rest.length;
    let from = 0;
    for (let match = brace.exec(all); match !== null; match = brace.exec(all)) {
      this.feed(all.slice(from, brace.lastIndex));
      from = brace.lastIndex;
    }
    this.rest = all.slice(from);
    if (this.rest.length > MAX_PIECE) {
      this.feed(this.rest);
      this.rest = '';
    }
  }

  /** @throws DomainError `BAD_USER_INPUT` when a document is incomplete. */
  end(): void {
    this.feed(this.rest);
    let tokens: readonly Token[] = [];
    try {
      tokens = this.tokens.end();
    } catch (error) {
      this.failAtEnd(error);
    }
    for (const token of tokens) {
      this.follow(token);
    }
    if (this.open.length > 0) {
      this.failAtEnd(undefined);
    }
  }

  private feed(piece: string): void {
    let tokens: readonly Token[];
    try {
      tokens = this.tokens.of(piece);
    } catch (error) {
      this.failAfter(this.unsure === undefined ? undefined : this.unsure + piece, error);
    }
    this.moveOver(piece);
    this.silent = tokens.length > 0 ? 0 : this.silent + piece.length;
    if (this.silent > MAX_SILENT) {
      this.fail(`more than ${MAX_SILENT} characters in one text, number or white space`);
    }
    this.measure(piece.length);
    for (const token of tokens) {
      this.follow(token);
    }
    this.moveLandmark(piece, tokens.at(-1)?.name);
  }

  private measure(length: number): void {
    const { item } = this;
    if (item && !item.tooLarge && (item.length += length) > MAX_ITEM) {
      item.tooLarge = true;
      this.assembler = new Assembler();
    }
  }

  private moveOver(text: string): void {
    let lineStart = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', lineStart)) {
      this.line++;
      this.column = 1;
      lineStart = at + 1;
    }
    this.column += text.length - lineStart;
  }

  /** Moves the landmark, unless the brace at the end of the piece is part of a text or follows an error. */
  private moveLandmark(piece: string, last: Token['name'] | undefined): void {
    const { landmark } = this;
    const opened = last === 'startObject' && piece.endsWith('{');
    if (opened || (last === 'endObject' && piece.endsWith('}'))) {
      landmark.line = this.line;
      landmark.column = this.column;
      landmark.open = this.open;
      landmark.opened = opened;
      this.unsure = '';
    } else if (this.unsure !== undefined) {
      this.unsure = this.unsure.length < MAX_UNSURE ? this.unsure + piece : undefined;
    }
  }

  private follow(token: Token): void {
    if (token.name === 'startObject' || token.name === 'startArray') {
      this.enter(token, token.name === 'startArray' ? '[' : '{');
    } else if (token.name === 'endObject' || token.name === 'endArray') {
      this.open = this.open.slice(0, -1);
      this.keep(token);
      this.left();
    } else if (token.name !== 'keyValue') {
      this.scalar(token);
    } else if (this.item) {
      this.keep(token);
    } else if (this.open.length === 1) {
      this.key = token.value;
    }
  }

  private enter(token: Token, container: '{' | '['): void {
    const depth = this.open.length;
    this.open += container;
    if (depth === MAX_DEPTH) {
      this.fail(`lists and objects are nested more than ${MAX_DEPTH} deep`);
    }
    if (this.item === undefined && this.list !== undefined && depth === this.itemDepth) {
      this.item = { line: this.line, length: 0, tooLarge: false };
    } else if (container === '[' && this.holdsItems(depth)) {
      this.list = { key: this.key, count: 0 };
    }
    this.keep(token);
  }

  private left(): void {
    const depth = this.open.length;
    if (this.item && depth === this.itemDepth) {
      const { tooLarge, line, length } = this.item;
      this.item = undefined;
      this.give(tooLarge ? TOO_LARGE : this.assembler.current, line, length);
    } else if (this.item === undefined && depth < this.itemDepth) {
      this.list = undefined;
    }
  }

  private scalar(token: Token): void {
    if (this.item) {
      this.keep(token);
    } else if (this.list !== undefined && this.open.length === this.itemDepth) {
      const value = 'value' in token ? token.value : undefined;
      this.give(token.name === 'numberValue' ? Number(value) : value, this.line, String(value).length);
    } else if (this.open.length === 0) {
      this.fail('a document must be an object or a list');
    }
  }

  private give(value: unknown, line: number, length: number): void {
    const { list } = this;
    if (list) {
      this.onItem({ value, line, length, list: list.key, index: list.count++ });
    }
  }

  private keep(token: Token): void {
    if (this.item && !this.item.tooLarge) {
      this.assembler.consume(token);
    }
  }

  /** Whether the elements of a list that starts at this depth are items. */
  private holdsItems(depth: number): boolean {
    if (typeof this.places === 'string') {
      return this.places === 'list' && depth === 0;
    }
    return depth === 1 && this.open.startsWith('{') && this.places.includes(this.key);
  }

  private failAfter(unsure: string | undefined, error: unknown): never {
    const problem =
      error instanceof Error ? error.message.replace(/^Parser (?:cannot parse input: |has )?/, '') : '';
    if (unsure === undefined) {
      this.fail(`not JSON from here on: ${problem}`);
    }
    ({ line: this.line, column: this.column } = this.landmark);
    this.moveOver(unsure.slice(0, goodLength(unsure, this.landmark)));
    this.fail(`not JSON: ${problem}`);
  }

  private fail(problem: string): never {
    const { line, column } = this;
    throw brokenSource(this.name, `line ${line}, column ${column}: ${problem}`, { line, column });
  }

  /** An error shortly before the end of the file only shows at the end. */
  private failAtEnd(error: unknown): never {
    const { line, column, list, unsure } = this;
    if (error !== undefined && unsure !== undefined && goodLength(unsure, this.landmark) < unsure.length) {
      this.failAfter(unsure, error);
    }
    const inside = this.open.endsWith('[') ? 'a list' : this.open.length > 0 ? 'an object' : 'a value';
    const item = this.item && list ? ` (item ${list.count + 1}${list.key && ` of "${list.key}"`})` : '';
    const problem = `the file ends in the middle of ${inside}${item} at line ${line}, column ${column}: it was cut`;
    throw brokenSource(this.name, problem, { line, column });
  }
}
