import { styleText } from 'node:util';

/** Options of every command that prints a result. */
export interface AnswerFlags {
  json?: true;
}

/** Writes the result of a command to standard output: one JSON object for programs, or text for people. */
export function answer(value: object, text: string | (() => string), { json }: AnswerFlags): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : typeof text === 'string' ? text : text());
}

/** Writes a message to standard error, because standard output is for the result only. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A number with its noun: `1 key`, `2 keys`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** Lines with columns of equal width, each as wide as its widest cell. */
export function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/**
 * Colours a text if its stream is a terminal with colours. `NO_COLOR` and `FORCE_COLOR` take precedence:
 * https://no-color.org, https://force-color.org.
 */
export function colored(
  color: 'red' | 'yellow' | 'green',
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return hasColors(stream) ? styleText(color, text, { validateStream: false }) : text;
}

function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0';
  return stream.isTTY && stream.hasColors();
}
