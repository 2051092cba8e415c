import { parseArgs } from 'node:util';
import { HISTORY_ENGINES, type HistoryEngine } from '../../src/config/env.schema.js';

export const USAGE = `npm run soak -- --engine postgresql|timescaledb [--minutes N] [--seed N] [--logs FOLDER]

Runs the programs of the product under load, kills, pauses and restarts them, Redis, pgbouncer and database sessions at
random, and checks at the end that no report was lost or counted twice, and nothing was left behind.

  --engine ENGINE  postgresql or timescaledb
  --minutes N      duration of load and faults; fractions are allowed (default 60)
  --seed N         seed of the random faults and reports, a whole number (default: a new one, which is printed)
  --logs FOLDER    keep the log of each program in this folder (default: logs are deleted)
  --help           print this help

Starts PostgreSQL, pgbouncer in transaction mode and Redis from the installed packages (Debian: postgresql-15, timescaledb
for that engine, pgbouncer, redis-server) on free ports and in temporary folders; if you are root, they run as another user.
Runs 2 API servers, 2 refreshers and 2 importers with geocoders from dist. The load is 8 writers, 4 importers, 20 readers
and 100 subscribers; they retry whatever was not acknowledged.

Prints one line per minute, and at the end one line for each check. Exit code: 0 if all checks pass, 1 if one fails, 2 for
invalid options, 130 after Ctrl-C, which stops and deletes everything that was started.
`;

export interface SoakOptions {
  engine: HistoryEngine;
  minutes: number;
  seed: number;
  logs: string | undefined;
}

const MAX_SEED = 2 ** 31;

/** @returns null for --help. @throws Error that describes the invalid option. */
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
