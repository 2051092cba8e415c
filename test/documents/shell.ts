import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/processes.js';

/** Output of commands. */
export interface Printed {
  stdout: string;
  stderr: string;
}

/** The date that documents use as today. */
const DOCUMENTED_TODAY = Date.UTC(2026, 10, 30);
const DAY_MS = 86_400_000;

/** Moves the dates of a documented text so that its today becomes yesterday, and no time is in the future. */
export function shiftDates(text: string): string {
  const yesterday = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
  return text.replaceAll(/\d{4}-\d\d-\d\d(?=T\d\d:)/g, (date) =>
    new Date(Date.parse(date) + yesterday - DOCUMENTED_TODAY).toISOString().slice(0, 10),
  );
}

/** Runs documented commands in a temporary folder and with few environment variables. */
export class Shell {
  private readonly folder = mkdtempSync(join(tmpdir(), 'documented-'));

  /**
   * @param programs folder of programs that takes precedence in PATH.
   * @param variables variables that the document tells the reader to set.
   * @param address address of the running server; commands use it instead of http://127.0.0.1:3000.
   */
  constructor(
    private readonly programs: string,
    private readonly variables: Record<string, string>,
    private readonly address = '',
  ) {
    // `npm run` would build into `dist`, which other tests use meanwhile.
    const cli = `exec '${process.execPath}' '${join(ROOT, 'dist/src/cli.js')}'`;
    this.program('tracker', `${cli} "$@"`);
    this.program(
      'npm',
      `case "$*" in
  'run migrate') set -- migrate ;;
  'run tracker -- '*) shift 3 ;;
  *) echo "unexpected: npm $*" >&2; exit 2 ;;
esac
${cli} "$@"`,
    );
  }

  /** Writes a file into the folder that commands run in. */
  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  private program(name: string, script: string): void {
    this.write(name, `#!/bin/bash\n${script}\n`);
    chmodSync(join(this.folder, name), 0o755);
  }

  /** Runs commands with bash up to the first that fails. @throws Error with their output if one fails. */
  run(commands: string): Promise<Printed> {
    return new Promise((resolve, reject) => {
      const text = this.address ? commands.replaceAll('http://127.0.0.1:3000', this.address) : commands;
      const { HOME, PATH } = process.env;
      const env = {
        HOME,
        PATH: `${this.folder}:${this.programs}:${PATH ?? ''}`,
        LC_ALL: 'C.UTF-8',
        ...this.variables,
      };
      const options = { cwd: this.folder, env, maxBuffer: 64 << 20 };
      execFile('bash', ['--norc', '-euc', text], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`${commands}\nfailed: ${stdout}${stderr}`, { cause: error }));
        else resolve({ stdout, stderr });
      });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
