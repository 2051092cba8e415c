import { parse } from 'csv-parse/sync';
import { type Columns, columnsOf, COLUMNS_NEEDED } from '../columns.js';
import { shown } from '../source-errors.js';

/** How a table is written. */
export interface CsvLayout {
  readonly separator: string;
  /** Line of the names of the columns, 1-based; what stands before it (`sep=;`, a title, a comment) is skipped. */
  readonly headerLine: number;
}

const SEPARATORS = [',', ';', '\t', '|'];
/** Lines among which the names of the columns are looked for. */
const MAX_HEADER_LINE = 10;
const MAX_COLUMNS_SHOWN = 12;

/**
 * Finds the names of the columns, and by them the separator: the right one is that which yields a time and a place.
 *
 * @param text the beginning of the file, whole lines.
 */
export function csvLayoutOf(text: string): CsvLayout | undefined {
  for (const [index, line] of firstLines(text).entries()) {
    const separator = SEPARATORS.find((each) => isComplete(columnsOf(namesIn(line, each))));
    if (separator !== undefined) {
      return { separator, headerLine: index + 1 };
    }
  }
  return undefined;
}

/** What is wrong with a text that looks like a table and has no layout; undefined when it does not look like one. */
export function incompleteTable(text: string): string | undefined {
  const line = firstLines(text).find((each) => each.trim() !== '') ?? '';
  const names =
    SEPARATORS.map((separator) => namesIn(line, separator)).sort((a, b) => b.length - a.length)[0] ?? [];
  if (names.length < 3) {
    return undefined;
  }
  const seen =
    names.slice(0, MAX_COLUMNS_SHOWN).map(shown).join(', ') + (names.length > MAX_COLUMNS_SHOWN ? ', …' : '');
  return `a table whose first line does not name ${COLUMNS_NEEDED}: it has ${seen}`;
}

function isComplete({ time, latitude, longitude }: Columns): boolean {
  return time !== undefined && latitude !== undefined && longitude !== undefined;
}

function namesIn(line: string, separator: string): readonly string[] {
  if (!line.includes(separator)) {
    return [];
  }
  try {
    const [names] = parse(line, { delimiter: separator, ltrim: true, relax_quotes: true });
    return names ?? [];
  } catch {
    return []; // a quote that is not closed
  }
}

function firstLines(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/, MAX_HEADER_LINE);
}
