import { parseArgs } from 'node:util';
import { HISTORY_ENGINES, type HistoryEngine } from '../../src/config/env.schema.js';

export const USAGE = `npm run soak -- --engine postgresql|timescaledb [--minutes N] [--seed N] [--logs FOLDER]

Runs the product's programs under load while they, Redis, pgbouncer and the sessions of the database are killed, stopped
and restarted at random, and checks at the end that nothing was lost, counted twice or left over.

  --engine ENGINE  postgresql or timescaledb
  --minutes N      how long load and faults go on; fractions are allowed (default 60)
  --seed N         a whole number that the faults and the reports are drawn from (default: a new one, which is printed)
  --logs FOLDER    keep the log of each program there (default: they are deleted)
  --help           print this

Starts a PostgreSQL, a pgbouncer in transaction mode and a Redis of this machine's programs (Debian: postgresql-15,
timescaledb for that engine, pgbouncer, redis-server) on free ports and in temporary folders; as root they run as another
user. 2 API servers, 2 refreshers and 2 importers with geocoders run from dist. 8 writers, 4 importers, 20 readers and 100
subscribers send again whatever was not acknowledged.

Prints a line a minute, and at the end one line for each check. Exit code: 0 when all checks hold, 1 when one does not,
2 for wrong options, 130 after Ctrl-C, which stops and deletes everything that was started.
`;

export interface SoakOptions {
  engine: HistoryEngine;
  minutes: number;
  seed: number;
  logs: string | undefined;
}

const MAX_SEED = 2 ** 31;

/** @returns null where the usage was asked for. @throws Error that says what is wrong with them. */
export function parseOptions(args: readonly string[]): SoakOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: 'string' },
      minutes: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * MAX_SEED)) },
      logs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const engine = HISTORY_ENGINES.find((one) => one === values.engine);
  if (!engine) throw new Error(`--engine must be one of: ${HISTORY_ENGINES.join(', ')}`);
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0)) throw new Error(`--minutes must be a number above 0 (got ${values.minutes})`);
  if (!Number.isInteger(seed) || seed < 0 || seed >= MAX_SEED)
    throw new Error(`--seed must be a whole number from 0 to ${MAX_SEED - 1} (got ${values.seed})`);
  return { engine, minutes, seed, logs: values.logs };
}
