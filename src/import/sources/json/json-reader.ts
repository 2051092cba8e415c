import { Assembler } from 'stream-json/core/assembler.js';
import { brokenSource } from '../source-errors.js';
import { validLength, type Checkpoint } from './json-error-position.js';
import { JsonTokens, type Token } from './json-tokens.js';

/** The items: whole documents, the elements of documents that are lists, or of lists under these keys. */
export type ItemPath = 'document' | 'list' | readonly string[];

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
/** Maximum characters in an item, which is kept in memory: a GeoJSON line of a day with one point per second. */
export const MAX_ITEM = 8_388_608;
/** Maximum number of characters in one text, number or white space. */
const MAX_TOKEN = 1_048_576;
const MAX_DEPTH = 100;
/** A piece without a brace ends after this many characters. */
const MAX_PIECE = 16_384;
/** Maximum number of characters kept to find the position of an error. */
const MAX_UNVERIFIED = 65_536;

/**
 * Extracts items from JSON that arrives in pieces, possibly several documents in sequence, and skips the rest.
 *
 * When the parser rejects a piece, the tokens of that piece are lost. So each piece ends with a brace: an object can end
 * only at the end of a piece, and no object before an error is lost. This also gives the line of each item.
 */
export class JsonReader {
  private readonly tokens = new JsonTokens();
  /** The open containers, outermost first: a `{` or `[` for each. */
  private open = '';
  private assembler = new Assembler();
  /** Text that the parser has not read yet. */
  private rest = '';
  /** Position after the text that the parser has read. */
  private line = 1;
  private column = 1;
  /** Last position up to which the JSON is known to be valid. */
  private readonly checkpoint: Checkpoint = { line: 1, column: 1, open: '', afterBrace: false };
  /** Text that the parser has read since the checkpoint; undefined if it is too long. */
  private unverified: string | undefined = '';
  /** Number of characters since the last token. */
  private sinceToken = 0;
  /** Number of containers around an item. */
  private readonly itemDepth: number;
  private list: { readonly key: string; count: number } | undefined;
  private key = '';
  /** The item being read. */
  private item: { readonly line: number; length: number; tooLarge: boolean } | undefined;

  /** @param name of the source, for messages. */
  constructor(
    private readonly name: string,
    private readonly itemPath: ItemPath,
    private readonly onItem: (item: JsonItem) => void,
  ) {
    this.itemDepth = itemPath === 'document' ? 0 : itemPath === 'list' ? 1 : 2;
    if (itemPath === 'document') {
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
      this.failAtError(this.unverified === undefined ? undefined : this.unverified + piece, error);
    }
    this.advanceOver(piece);
    this.sinceToken = tokens.length > 0 ? 0 : this.sinceToken + piece.length;
    if (this.sinceToken > MAX_TOKEN) {
      this.fail(`more than ${MAX_TOKEN} characters in one text, number or white space`);
    }
    this.measure(piece.length);
    for (const token of tokens) {
      this.follow(token);
    }
    this.moveCheckpoint(piece, tokens.at(-1)?.name);
  }

  private measure(length: number): void {
    const { item } = this;
    if (item && !item.tooLarge && (item.length += length) > MAX_ITEM) {
      item.tooLarge = true;
      this.assembler = new Assembler();
    }
  }

  private advanceOver(text: string): void {
    let lineStart = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', lineStart)) {
      this.line++;
      this.column = 1;
      lineStart = at + 1;
    }
    this.column += text.length - lineStart;
  }

  /** Moves the checkpoint, unless the last brace is inside a text or comes after an error that the parser has yet to find. */
  private moveCheckpoint(piece: string, last: Token['name'] | undefined): void {
    const { checkpoint } = this;
    const afterBrace = last === 'startObject' && piece.endsWith('{');
    if (afterBrace || (last === 'endObject' && piece.endsWith('}'))) {
      checkpoint.line = this.line;
      checkpoint.column = this.column;
      checkpoint.open = this.open;
      checkpoint.afterBrace = afterBrace;
      this.unverified = '';
    } else if (this.unverified !== undefined) {
      this.unverified = this.unverified.length < MAX_UNVERIFIED ? this.unverified + piece : undefined;
    }
  }

  private follow(token: Token): void {
    if (token.name === 'startObject' || token.name === 'startArray') {
      this.enter(token, token.name === 'startArray' ? '[' : '{');
    } else if (token.name === 'endObject' || token.name === 'endArray') {
      this.open = this.open.slice(0, -1);
      this.assemble(token);
      this.leave();
    } else if (token.name !== 'keyValue') {
      this.scalar(token);
    } else if (this.item) {
      this.assemble(token);
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
    } else if (container === '[' && this.containsItems(depth)) {
      this.list = { key: this.key, count: 0 };
    }
    this.assemble(token);
  }

  private leave(): void {
    const depth = this.open.length;
    if (this.item && depth === this.itemDepth) {
      const { tooLarge, line, length } = this.item;
      this.item = undefined;
      this.emit(tooLarge ? TOO_LARGE : this.assembler.current, line, length);
    } else if (this.item === undefined && depth < this.itemDepth) {
      this.list = undefined;
    }
  }

  private scalar(token: Token): void {
    if (this.item) {
      this.assemble(token);
    } else if (this.list !== undefined && this.open.length === this.itemDepth) {
      const value = 'value' in token ? token.value : undefined;
      this.emit(token.name === 'numberValue' ? Number(value) : value, this.line, String(value).length);
    } else if (this.open.length === 0) {
      this.fail('a document must be an object or a list');
    }
  }

  private emit(value: unknown, line: number, length: number): void {
    const { list } = this;
    if (list) {
      this.onItem({ value, line, length, list: list.key, index: list.count++ });
    }
  }

  private assemble(token: Token): void {
    if (this.item && !this.item.tooLarge) {
      this.assembler.consume(token);
    }
  }

  /** Whether the elements of a list that starts at this depth are items. */
  private containsItems(depth: number): boolean {
    if (typeof this.itemPath === 'string') {
      return this.itemPath === 'list' && depth === 0;
    }
    return depth === 1 && this.open.startsWith('{') && this.itemPath.includes(this.key);
  }

  private failAtError(unverified: string | undefined, error: unknown): never {
    const problem =
      error instanceof Error ? error.message.replace(/^Parser (?:cannot parse input: |has )?/, '') : '';
    if (unverified === undefined) {
      this.fail(`not JSON from here on: ${problem}`);
    }
    ({ line: this.line, column: this.column } = this.checkpoint);
    this.advanceOver(unverified.slice(0, validLength(unverified, this.checkpoint)));
    this.fail(`not JSON: ${problem}`);
  }

  private fail(problem: string): never {
    const { line, column } = this;
    throw brokenSource(this.name, `line ${line}, column ${column}: ${problem}`, { line, column });
  }

  /** An error shortly before the end of the file is detected only at the end. */
  private failAtEnd(error: unknown): never {
    const { line, column, list, unverified } = this;
    if (
      error !== undefined &&
      unverified !== undefined &&
      validLength(unverified, this.checkpoint) < unverified.length
    ) {
      this.failAtError(unverified, error);
    }
    const inside = this.open.endsWith('[') ? 'a list' : this.open.length > 0 ? 'an object' : 'a value';
    const item = this.item && list ? ` (item ${list.count + 1}${list.key && ` of "${list.key}"`})` : '';
    const problem = `the file ends in the middle of ${inside}${item} at line ${line}, column ${column}: the file is truncated`;
    throw brokenSource(this.name, problem, { line, column });
  }
}
