export interface Column {
  readonly index: number;
  /** As written in the file, for messages. */
  readonly name: string;
}

/** A column with its normalized name: lower case, without punctuation. */
export type NamedColumn = Column & { readonly normalizedName: string };

const MAX_NAME = 100;
/** Prefixes that do not change the meaning of the name after them: `location.latitude`, `gps_time`. */
const PREFIX =
  /^(?:location|position|coords|gps|geo|loc)(?=lat|lon|lng|time|date|acc|horizontal|alt(?:itude|$)|elevation|speed|course|heading|bearing)/;

export function namedColumns(names: readonly string[]): readonly NamedColumn[] {
  return names.map((name, index) => ({ index, name, normalizedName: normalize(name) }));
}

function normalize(name: string): string {
  return name
    .slice(0, MAX_NAME)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(PREFIX, '');
}
