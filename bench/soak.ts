/**
 * Load and faults for an hour, and a check of everything at the end: see USAGE in soak/options.ts.
 *
 *   npm run soak -- --engine postgresql --minutes 60
 */
import { setMaxListeners } from 'node:events';
import { parseOptions, type SoakOptions, USAGE } from './soak/options.js';
import { soak } from './soak/soak.js';

const EXIT = { failed: 1, usage: 2, interrupted: 130 };

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function readOptions(): SoakOptions {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options) return options;
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT.usage);
  }
}

async function main(options: SoakOptions): Promise<number> {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // every client that waits has one
  const cleaners: (() => Promise<void>)[] = [];
  let code: number | undefined;
  // npm passes on what the terminal has sent already, so the second one means nothing.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!ending.signal.aborted) say('stopping');
      code ??= EXIT.interrupted;
      ending.abort();
    });
  }
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    code ??= EXIT.failed;
    ending.abort();
  });
  try {
    const ok = await soak(options, ending.signal, (what) => cleaners.push(what), say);
    code ??= ok ? 0 : EXIT.failed;
  } catch (error) {
    if (!ending.signal.aborted) process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
    code ??= EXIT.failed;
    ending.abort();
  }
  for (const clean of cleaners.reverse())
    await clean().catch((error: unknown) => process.stderr.write(`cleaning up: ${String(error)}\n`));
  return code;
}

process.exit(await main(readOptions()));
