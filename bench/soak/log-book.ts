import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Occurrences } from './record.js';

/** A line of a stack trace of Node.js. */
const STACK = /^\s+at .+(:\d+:\d+\)?|\(native\)|<anonymous>\)?)$/;
const LEVEL = /\b(WARN|ERROR|FATAL)\b/;

/** Writes the output of each program to a file, and collects warnings, errors and stack traces. */
export class LogBook {
  /** Number of lines by program. */
  readonly lines = new Map<string, number>();
  /** Warnings and errors, by their text without numbers and times. */
  readonly problems = new Map<string, Occurrences>();
  readonly stackTraces = new Map<string, Occurrences>();
  private readonly files = new Map<string, WriteStream>();

  constructor(private readonly folder: string) {}

  /** Starts to read the outputs of a process. @param onLine receives every line. */
  read(program: string, outputs: readonly Readable[], onLine: (line: string) => void): void {
    const file =
      this.files.get(program) ?? createWriteStream(join(this.folder, `${program}.log`), { flags: 'a' });
    this.files.set(program, file);
    for (const input of outputs) {
      let before = '';
      createInterface({ input }).on('line', (line) => {
        file.write(`${line}\n`);
        onLine(line);
        this.lines.set(program, (this.lines.get(program) ?? 0) + 1);
        if (STACK.test(line)) add(this.stackTraces, pattern(before), `${program}: ${before} ${line.trim()}`);
        else before = line;
        if (LEVEL.test(line)) add(this.problems, pattern(line), `${program}: ${line}`);
      });
    }
  }

  async close(): Promise<void> {
    for (const file of this.files.values()) {
      file.end();
      await once(file, 'finish');
    }
  }
}

function add(map: Map<string, Occurrences>, key: string, example: string): void {
  const occurrences = map.get(key) ?? { count: 0, first: example };
  occurrences.count++;
  map.set(key, occurrences);
}

/** The line with placeholders for ids, times and numbers. */
function pattern(line: string): string {
  return line
    .replace(/^.*?\b(WARN|ERROR|FATAL)\b/, '$1')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]?[\d:.]*Z?/g, '<time>')
    .replaceAll(/\d+(\.\d+)?/g, '#')
    .slice(0, 300);
}
