import { parse } from 'csv-parse/sync';
import { type Columns, reportColumnsOf, COLUMNS_NEEDED } from '../columns.js';
import { quote } from '../source-errors.js';

/** Separator and header of a table. */
export interface CsvLayout {
  readonly separator: string;
  /** Line with the column names, 1-based; lines before it (`sep=;`, a title, a comment) are skipped. */
  readonly headerLine: number;
}

const SEPARATORS = [',', ';', '\t', '|'];
/** The column names must be within these first lines. */
const MAX_HEADER_LINE = 10;
const MAX_COLUMNS_SHOWN = 12;

/**
 * Finds the line with the column names and the separator that yield columns for time and position.
 *
 * @param text the beginning of the file, in whole lines.
 */
export function csvLayoutOf(text: string): CsvLayout | undefined {
  for (const [index, line] of firstLines(text).entries()) {
    const separator = SEPARATORS.find((each) => isComplete(reportColumnsOf(namesIn(line, each))));
    if (separator !== undefined) {
      return { separator, headerLine: index + 1 };
    }
  }
  return undefined;
}

/** Describes a text that looks like a table without the needed columns; undefined if it does not look like a table. */
export function incompleteTable(text: string): string | undefined {
  const line = firstLines(text).find((each) => each.trim() !== '') ?? '';
  const names =
    SEPARATORS.map((separator) => namesIn(line, separator)).sort((a, b) => b.length - a.length)[0] ?? [];
  if (names.length < 3) {
    return undefined;
  }
  const shown =
    names.slice(0, MAX_COLUMNS_SHOWN).map(quote).join(', ') + (names.length > MAX_COLUMNS_SHOWN ? ', …' : '');
  return `a table whose first line does not name ${COLUMNS_NEEDED} (got ${shown})`;
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
    return []; // an unclosed quote
  }
}

function firstLines(text: string): readonly string[] {
  return text.split(/\r\n|\n|\r/, MAX_HEADER_LINE);
}
