import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Seen } from './record.js';

/** A line of a stack trace of Node.js. */
const STACK = /^\s+at .+(:\d+:\d+\)?|\(native\)|<anonymous>\)?)$/;
const LEVEL = /\b(WARN|ERROR|FATAL)\b/;

/** What all programs wrote: each into a file, and what stands out in memory. */
export class LogBook {
  readonly lines = new Map<string, number>();
  /** Warnings and errors without their numbers and times. */
  readonly distinct = new Map<string, Seen>();
  readonly stackTraces = new Map<string, Seen>();
  private readonly files = new Map<string, WriteStream>();

  constructor(private readonly folder: string) {}

  /** Reads both outputs of a process to their ends. @param onLine is given every line. */
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
        if (STACK.test(line)) note(this.stackTraces, shape(before), `${program}: ${before} ${line.trim()}`);
        else before = line;
        if (LEVEL.test(line)) note(this.distinct, shape(line), `${program}: ${line}`);
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

function note(seen: Map<string, Seen>, what: string, first: string): void {
  const known = seen.get(what) ?? { count: 0, first };
  known.count++;
  seen.set(what, known);
}

/** The line without what differs from one time to the next. */
function shape(line: string): string {
  return line
    .replace(/^.*?\b(WARN|ERROR|FATAL)\b/, '$1')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\d[T ]?[\d:.]*Z?/g, '<time>')
    .replaceAll(/\d+(\.\d+)?/g, '#')
    .slice(0, 300);
}
