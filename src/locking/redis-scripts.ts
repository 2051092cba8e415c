import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis, Result } from 'ioredis';

/** Content of a key, as the scripts return it: type, milliseconds until it expires, start of a string. */
export type KeyContent = [type: string, ttlMs: number, value: string];

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takeLock(key: string, token: string, ttlMs: number): Result<KeyContent | null, Context>;
    inspectLock(key: string): Result<KeyContent | null, Context>;
    compareAndDelete(key: string, token: string): Result<number, Context>;
    compareAndExtend(key: string, token: string, ttlMs: number): Result<number, Context>;
    claimKeys(key: string, id: string, owner: string, ttlMs: number): Result<string | null, Context>;
    probeWrite(key: string): Result<number, Context>;
  }
}

const SCRIPTS = {
  takeLock: 'take',
  inspectLock: 'inspect-lock',
  compareAndDelete: 'compare-and-delete',
  compareAndExtend: 'compare-and-extend',
  claimKeys: 'claim',
  probeWrite: 'probe-write',
};
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'scripts');
const DEFINITIONS = Object.entries(SCRIPTS).map(([command, file]) => ({
  command,
  definition: { numberOfKeys: 1, lua: readFileSync(join(FOLDER, `${file}.lua`), 'utf8') },
}));

/** Adds the scripts to a client, as commands. */
export function defineScripts(redis: Redis): void {
  for (const { command, definition } of DEFINITIONS) redis.defineCommand(command, definition);
}
