import { JsonTokens, type Token } from './json-tokens.js';

/** Keys and type of an object. */
export interface ObjectOutline {
  readonly keys: Set<string>;
  /** Value of `type` (GeoJSON) or `_type` (OwnTracks). */
  type: string | undefined;
}

/** The structure of a JSON document, as far as its beginning shows it. */
export interface JsonOutline {
  root: 'object' | 'list' | undefined;
  /** The document, if it is an object. */
  readonly object: ObjectOutline;
  /** Lists in the document by key, with the outline of their objects; the key is '' if the document is a list. */
  readonly lists: Map<string, ObjectOutline>;
  /** The end of the document was seen. */
  complete: boolean;
  /** The text is not valid JSON. */
  broken: boolean;
}

const MAX_KEYS = 1000;

/** Outlines the first document of a text, which may be of any kind, cut, or invalid further on. */
export function outlineOf(text: string): JsonOutline {
  const outline: JsonOutline = {
    root: undefined,
    object: emptyObject(),
    lists: new Map(),
    complete: false,
    broken: false,
  };
  const walk = new OutlineWalk(outline);
  const tokens = new JsonTokens();
  try {
    // Split at braces, because the parser loses the tokens of a piece that it rejects.
    for (const piece of text.split(/(?<=[{}])/)) {
      if (tokens.of(piece).some((token) => walk.ends(token))) {
        break;
      }
    }
  } catch {
    outline.broken = true; // reading the whole document will report where
  }
  return outline;
}

class OutlineWalk {
  private readonly open: ('object' | 'list')[] = [];
  private readonly keys: string[] = [];

  constructor(private readonly outline: JsonOutline) {}

  /** Follows a token. @returns whether it ends the document. */
  ends(token: Token): boolean {
    const depth = this.open.length;
    if (token.name === 'startObject' || token.name === 'startArray') {
      this.enter(token.name === 'startArray' ? 'list' : 'object');
    } else if (token.name === 'endObject' || token.name === 'endArray') {
      this.open.pop();
      this.outline.complete = depth === 1;
    } else if (token.name === 'keyValue') {
      this.keys[depth] = token.value;
      this.note((object) => object.keys.size < MAX_KEYS && object.keys.add(token.value));
    } else if (token.name === 'stringValue' && /^_?type$/.test(this.keys[depth] ?? '')) {
      this.note((object) => (object.type ??= token.value));
    }
    return this.outline.complete;
  }

  private enter(container: 'object' | 'list'): void {
    const depth = this.open.push(container);
    this.keys[depth] = '';
    if (depth === 1) {
      this.outline.root = container;
    }
    const { lists, root } = this.outline;
    if (
      container === 'list' &&
      lists.size < MAX_KEYS &&
      (depth === 1 || (depth === 2 && root === 'object'))
    ) {
      lists.set(depth === 1 ? '' : (this.keys[1] ?? ''), emptyObject());
    }
  }

  /** Updates the outline of the current object, if it is the document or an element of one of its lists. */
  private note(update: (object: ObjectOutline) => void): void {
    const [first, second, third, deeper] = this.open;
    if (first === 'object' && second === undefined) {
      update(this.outline.object);
    }
    const inList =
      first === 'list' ? second === 'object' && third === undefined : second === 'list' && third === 'object';
    const list =
      inList && deeper === undefined && this.outline.lists.get(first === 'list' ? '' : (this.keys[1] ?? ''));
    if (list) {
      update(list);
    }
  }
}

function emptyObject(): ObjectOutline {
  return { keys: new Set(), type: undefined };
}
