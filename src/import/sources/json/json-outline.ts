import { JsonTokens, type Token } from './json-tokens.js';

/** Keys and type of an object. */
export interface ObjectOutline {
  readonly keys: Set<string>;
  /** Value of `type` (GeoJSON) or `_type` (OwnTracks). */
  type: string | undefined;
}

/** Structure of the beginning of a JSON document. */
export interface JsonOutline {
  root: 'object' | 'list' | undefined;
  /** The document, if it is an object. */
  readonly object: ObjectOutline;
  /** Outlines of the objects in each list of the document, by the key of the list; '' if the document is a list. */
  readonly lists: Map<string, ObjectOutline>;
  /** Whether the text contains the end of the document. */
  complete: boolean;
  /** Whether the text is not valid JSON. */
  broken: boolean;
}

const MAX_KEYS = 1000;

/** Outlines the first document of a text, which may be of any kind, truncated, or invalid later on. */
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
      if (tokens.of(piece).some((token) => walk.follow(token))) {
        break;
      }
    }
  } catch {
    outline.broken = true; // reading the whole document will report the position
  }
  return outline;
}

class OutlineWalk {
  private readonly open: ('object' | 'list')[] = [];
  private readonly keys: string[] = [];

  constructor(private readonly outline: JsonOutline) {}

  /** Adds a token to the outline. @returns whether it ends the document. */
  follow(token: Token): boolean {
    const depth = this.open.length;
    if (token.name === 'startObject' || token.name === 'startArray') {
      this.enter(token.name === 'startArray' ? 'list' : 'object');
    } else if (token.name === 'endObject' || token.name === 'endArray') {
      this.open.pop();
      this.outline.complete = depth === 1;
    } else if (token.name === 'keyValue') {
      this.keys[depth] = token.value;
      this.update((object) => object.keys.size < MAX_KEYS && object.keys.add(token.value));
    } else if (token.name === 'stringValue' && /^_?type$/.test(this.keys[depth] ?? '')) {
      this.update((object) => (object.type ??= token.value));
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
  private update(change: (object: ObjectOutline) => void): void {
    const [first, second, third, deeper] = this.open;
    if (first === 'object' && second === undefined) {
      change(this.outline.object);
    }
    const inList =
      first === 'list' ? second === 'object' && third === undefined : second === 'list' && third === 'object';
    const list =
      inList && deeper === undefined && this.outline.lists.get(first === 'list' ? '' : (this.keys[1] ?? ''));
    if (list) {
      change(list);
    }
  }
}

function emptyObject(): ObjectOutline {
  return { keys: new Set(), type: undefined };
}
