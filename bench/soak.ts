/**
 * Runs the product for an hour under load and faults, and checks its data at the end: see USAGE in soak/options.ts.
 *
 *   npm run soak -- --engine postgresql --minutes 60
 */
import { setMaxListeners } from 'node:events';
import { parseOptions, type SoakOptions, USAGE } from './soak/options.js';
import { soak } from './soak/soak.js';
import { print } from './bench-server.js';

const EXIT = { failed: 1, usage: 2, interrupted: 130 };

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
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // every client adds a listener while it waits
  const cleanUps: (() => Promise<void>)[] = [];
  let code: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // npm forwards a signal that the terminal has already sent, so it may arrive twice.
      if (!abort.signal.aborted) print('stopping');
      code ??= EXIT.interrupted;
      abort.abort();
    });
  }
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    code ??= EXIT.failed;
    abort.abort();
  });
  try {
    const ok = await soak(options, abort.signal, (cleanUp) => cleanUps.push(cleanUp), print);
    code ??= ok ? 0 : EXIT.failed;
  } catch (error) {
    if (!abort.signal.aborted) process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
    code ??= EXIT.failed;
    abort.abort();
  }
  for (const cleanUp of cleanUps.reverse())
    await cleanUp().catch((error: unknown) => process.stderr.write(`clean-up failed: ${String(error)}\n`));
  return code;
}

process.exit(await main(readOptions()));
