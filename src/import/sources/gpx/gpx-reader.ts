import { SaxesParser, type SaxesTagPlain } from 'saxes';
import type { SourceBatch } from '../../report-source.js';
import { SUPPORTED_FORMATS, describeXml } from '../unsupported.js';
import { BatchCollector } from '../batch-collector.js';
import { brokenSource, oneLine } from '../source-errors.js';
import { beginPoint, fieldOf, parsePoint, type GpxField, type GpxPoint, isPoint } from './gpx-point.js';

/** Maximum number of characters between tags: the parser buffers each tag, comment and text as a whole. */
const MAX_BUFFERED = 1_048_576;
/** GPX needs about ten levels; the parser stores all open elements. */
const MAX_DEPTH = 100;
/** Enough for any time or number; longer text is truncated here and rejected later. */
const MAX_CAPTURED = 100;

const BARE_AMPERSAND = 'a literal & must be written as &amp;';

/**
 * Parses GPX piece by piece. Ignores namespace prefixes without checking them, since many loggers do not declare
 * theirs.
 *
 * Skips a DTD unread: the use of its entities is an error, and external ones are never fetched.
 */
export class GpxReader {
  private readonly parser = new SaxesParser<{ xmlns: false; position: false }>({
    xmlns: false,
    position: false,
  });
  /** Local names of the open elements, starting with the root. */
  private readonly path: string[] = [];
  private point: GpxPoint | undefined;
  /** Depth of the outermost open `<extensions>`, or 0. */
  private extensions = 0;
  private capturing: { readonly field: GpxField; readonly depth: number; text: string } | undefined;
  private started = false;
  /** Whether a tag was read since the last call of {@link read}. */
  private sawTag = false;
  private buffered = 0;
  private readonly collector = new BatchCollector();

  /** @param name of the source, for messages. */
  constructor(private readonly name: string) {
    const { parser } = this;
    parser.on('error', (error) => this.fail(`not well-formed XML: ${describe(error)}`));
    parser.on('opentagstart', (tag) => {
      this.tagStarted(tag.name);
    });
    parser.on('opentag', (tag) => {
      this.tagOpened(tag);
    });
    parser.on('closetag', () => {
      this.tagClosed();
    });
    parser.on('cdata', (text) => {
      this.capture(text);
    });
    // No other listeners: on() adds a property, and with a few more V8 stores the parser as a hash table, which is five
    // times slower.
  }

  /**
   * @throws DomainError `BAD_USER_INPUT`; {@link batches} still yields the points before it, then the reader is
   * unusable.
   */
  read(text: string): void {
    this.parser.write(this.started ? text : this.withoutLeadingSpace(text));
    this.buffered = this.sawTag ? text.length : this.buffered + text.length;
    this.sawTag = false;
    this.rejectBareAmpersand();
    if (this.buffered > MAX_BUFFERED) {
      this.fail(`more than ${MAX_BUFFERED} characters without a tag`);
    }
  }

  /** @throws DomainError `BAD_USER_INPUT` when the document is incomplete. */
  end(): void {
    this.rejectBareAmpersand();
    const inside = this.path.at(-1);
    if (inside !== undefined || !this.started) {
      this.failAtEnd(
        inside === undefined ? 'before its first element' : `in the middle of <${inside.slice(0, 40)}>`,
      );
    }
    this.parser.on('error', () => this.failAtEnd('in the middle of a tag or comment'));
    this.parser.close();
  }

  /** Yields the points parsed since the last call. */
  batches(): Iterable<SourceBatch> {
    return this.collector.batches();
  }

  /**
   * After an `&` the parser reads on until a `;`, however far. A name like "Tom & Jerry", the most common error in GPX
   * files, would be reported as a truncation at the end of the file.
   */
  private rejectBareAmpersand(): void {
    const { entity } = this.parser as unknown as { readonly entity: string }; // private
    if (entity !== '' && /[^\w#]/.test(entity)) {
      const line = this.parser.line - (entity.split('\n').length - 1);
      throw brokenSource(this.name, `line ${line}: not well-formed XML: ${BARE_AMPERSAND}`, { line });
    }
  }

  /** The parser rejects an XML declaration that is not at the very start; leading white space is harmless. */
  private withoutLeadingSpace(text: string): string {
    const trimmed = text.trimStart();
    this.parser.line += text.slice(0, text.length - trimmed.length).split('\n').length - 1;
    this.started ||= trimmed !== '';
    return trimmed;
  }

  /** A tag has started; its attributes are not read yet. */
  private tagStarted(qualifiedName: string): void {
    const name = localName(qualifiedName);
    if (this.path.length === 0 && name.toLowerCase() !== 'gpx') {
      throw brokenSource(this.name, `this is ${describeXml(name)}; ${SUPPORTED_FORMATS}`, {
        line: this.line(),
      });
    }
    if (this.path.push(name) > MAX_DEPTH) {
      this.fail(`elements are nested more than ${MAX_DEPTH} deep`);
    }
    if (isPoint(name) && this.point === undefined && this.extensions === 0) {
      this.point = beginPoint(name, this.path.length, this.line());
    }
  }

  private tagOpened(tag: SaxesTagPlain): void {
    this.sawTag = true;
    const depth = this.path.length;
    const name = this.path[depth - 1] ?? '';
    if (name === 'extensions' && this.extensions === 0) {
      this.extensions = depth;
    }
    if (this.point === undefined) {
      return;
    }
    if (this.point.depth === depth) {
      this.point.lat = tag.attributes['lat'];
      this.point.lon = tag.attributes['lon'];
      return;
    }
    const field = fieldOf(this.point, name, depth);
    if (field !== undefined) {
      this.startCapture(field, depth);
    }
  }

  private tagClosed(): void {
    this.sawTag = true;
    const depth = this.path.length;
    this.path.pop();
    if (this.capturing?.depth === depth) {
      const { field, text } = this.capturing;
      if (this.point) (this.point.texts[field] ??= []).push(text.trim());
      this.capturing = undefined;
      this.parser.off('text');
    }
    if (this.extensions === depth) {
      this.extensions = 0;
    }
    if (this.point?.depth === depth) {
      const { point } = this;
      this.collector.add(point.position, () => parsePoint(point));
      this.point = undefined;
    }
  }

  private startCapture(field: GpxField, depth: number): void {
    if (this.capturing) return;
    this.capturing = { field, depth, text: '' };
    // Without a listener the parser does not build texts, and most texts in a file are not needed.
    this.parser.on('text', (text) => {
      this.capture(text);
    });
  }

  private capture(text: string): void {
    const { capturing } = this;
    if (capturing?.depth === this.path.length && capturing.text.length < MAX_CAPTURED) {
      capturing.text += text.slice(0, MAX_CAPTURED);
    }
  }

  /** Line of the tag name just read; the parser is one character ahead, perhaps on the next line already. */
  private line(): number {
    return this.parser.column === 0 ? this.parser.line - 1 : this.parser.line;
  }

  private fail(problem: string): never {
    const { line } = this.parser;
    const column = Math.max(this.parser.column, 1);
    throw brokenSource(this.name, `line ${line}, column ${column}: ${problem}`, { line, column });
  }

  private failAtEnd(where: string): never {
    const { line } = this.parser;
    const column = this.parser.column + 1;
    const problem = `the file ends ${where} at line ${line}, column ${column}: the file is truncated`;
    throw brokenSource(this.name, problem, { line, column });
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function describe(error: Error): string {
  if (error.message === 'undefined entity.') {
    return 'an entity that XML does not define; a DTD is not read, and its entities are not expanded';
  }
  if (error.message === 'disallowed character in entity name.') {
    return BARE_AMPERSAND;
  }
  return oneLine(error.message.replace(/\.$/, ''));
}
