export interface Column {
  readonly index: number;
  /** As it is written in the file, for messages. */
  readonly name: string;
}

/** A column, and its name without case and punctuation. */
export type NamedColumn = Column & { readonly word: string };

const MAX_NAME = 100;
/** What may stand before these names without changing them: `location.latitude`, `gps_time`. */
const PREFIX =
  /^(?:location|position|coords|gps|geo|loc)(?=lat|lon|lng|time|date|acc|horizontal|alt(?:itude|$)|elevation|speed|course|heading|bearing)/;

export function namedColumns(names: readonly string[]): readonly NamedColumn[] {
  return names.map((name, index) => ({ index, name, word: wordOf(name) }));
}

function wordOf(name: string): string {
  const word = name
    .slice(0, MAX_NAME)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  return word.replace(PREFIX, '');
}
