import { JsonTokens, type Token } from './json-tokens.js';

/** Keys of an object, and what it calls its type. */
export interface ObjectOutline {
  readonly keys: Set<string>;
  /** Value of `type`, as GeoJSON has it, or of `_type`, as OwnTracks has it. */
  type: string | undefined;
}

/** What the beginning of a JSON document shows of it. */
export interface JsonOutline {
  root: 'object' | 'list' | undefined;
  /** Of the document, when it is an object. */
  readonly object: ObjectOutline;
  /** Keys under which it has a list, with what is known of the objects in it; under '' when the document is a list. */
  readonly lists: Map<string, ObjectOutline>;
  /** The document ends within what was seen. */
  complete: boolean;
  /** What was seen of it is not JSON. */
  broken: boolean;
}

const MAX_KEYS = 1000;

/** Outlines the first document of a text that may be cut, wrong further on, and of any kind. */
export function outlineOf(text: string): JsonOutline {
  const outline: JsonOutline = {
    root: undefined,
    object: anObject(),
    lists: new Map(),
    complete: false,
    broken: false,
  };
  const walk = new OutlineWalk(outline);
  const tokens = new JsonTokens();
  try {
    // By braces, because the tokens of a piece that is refused are lost.
    for (const piece of text.split(/(?<=[{}])/)) {
      if (tokens.of(piece).some((token) => walk.ends(token))) {
        break;
      }
    }
  } catch {
    outline.broken = true; // whoever reads it all will say where
  }
  return outline;
}

class OutlineWalk {
  private readonly open: ('object' | 'list')[] = [];
  private readonly keys: string[] = [];

  constructor(private readonly outline: JsonOutline) {}

  /** Follows a token; whether it ends the document. */
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
      lists.set(depth === 1 ? '' : (this.keys[1] ?? ''), anObject());
    }
  }

  /** Tells the object that the walk is in, where it is the document or an element of one of its lists. */
  private note(tell: (object: ObjectOutline) => void): void {
    const [first, second, third, deeper] = this.open;
    if (first === 'object' && second === undefined) {
      tell(this.outline.object);
    }
    const inList =
      first === 'list' ? second === 'object' && third === undefined : second === 'list' && third === 'object';
    const list =
      inList && deeper === undefined && this.outline.lists.get(first === 'list' ? '' : (this.keys[1] ?? ''));
    if (list) {
      tell(list);
    }
  }
}

function anObject(): ObjectOutline {
  return { keys: new Set(), type: undefined };
}
