import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../../src/database/sql-files.js';
import { ROOT } from './product.js';

/** Output of commands. */
export interface Printed {
  stdout: string;
  stderr: string;
}

/** A Markdown document whose shell commands are run by a test, so that document and behaviour cannot drift. */
export class CommandDocument {
  private readonly text: string;

  /** @param file path from the root of the repository. */
  constructor(file: string) {
    this.text = readFileSync(packagePath(file), 'utf8');
  }

  /** The `sh` blocks below a heading, in order. Throws if there are none, so that a renamed heading is noticed. */
  blocks(heading: string): string[] {
    const section = this.text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`));
    const blocks = [...(section ?? '').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
    if (blocks.length === 0) throw new Error(`no sh block below "${heading}"`);
    return blocks;
  }

  /** Names of the variables that the block below a heading has the reader set. */
  variables(heading: string): string[] {
    return [
      ...this.blocks(heading)
        .join('')
        .matchAll(/^export (\w+)=/gm),
    ].map(([, name = '']) => name);
  }
}

/** Runs documented commands in a folder and environment of their own. */
export class Shell {
  private readonly folder = mkdtempSync(join(tmpdir(), 'documented-'));

  /**
   * @param programs folder that comes first in PATH.
   * @param variables variables that the document tells the reader to set.
   */
  constructor(
    private readonly programs: string,
    private readonly variables: Record<string, string>,
  ) {
    // `npm run` would build into `dist`, which other tests use meanwhile.
    const npm = join(this.folder, 'npm');
    writeFileSync(
      npm,
      `#!/bin/bash
case "$*" in
  'run migrate') set -- migrate ;;
  'run tracker -- '*) shift 3 ;;
  *) echo "unexpected: npm $*" >&2; exit 2 ;;
esac
exec '${process.execPath}' '${join(ROOT, 'dist/src/cli.js')}' "$@"
`,
    );
    chmodSync(npm, 0o755);
  }

  /** Runs commands with bash up to the first that fails. @throws Error with their output if one fails. */
  run(commands: string): Promise<Printed> {
    return new Promise((resolve, reject) => {
      const { HOME, PATH } = process.env;
      const env = {
        HOME,
        PATH: `${this.folder}:${this.programs}:${PATH ?? ''}`,
        LC_ALL: 'C.UTF-8',
        ...this.variables,
      };
      const options = { cwd: this.folder, env, maxBuffer: 64 << 20 };
      execFile('bash', ['--norc', '-euc', commands], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`${commands}\nfailed: ${stdout}${stderr}`, { cause: error }));
        else resolve({ stdout, stderr });
      });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
