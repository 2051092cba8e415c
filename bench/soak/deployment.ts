import { randomBytes } from 'node:crypto';
import { freePort } from '../../test/support/servers/installed-programs.js';
import type { SoakOptions } from './options.js';
import { type LogBook } from './log-book.js';
import { Program, runCommand, type Variables } from './program.js';
import type { SoakRecord } from './record.js';
import type { Servers } from './servers.js';

/** Shorter than most pauses by SIGSTOP, so that another process takes over the locks of a paused one. */
const LOCK_TTL_MS = 5000;
const IMPORT_BATCH_SIZE = 200;
const ROLES = { api: 'api', refresher: 'refresher', importer: 'importer,geocoder' } as const;

/** The running programs of the product, two of each role. */
export class Deployment {
  readonly programs: Program[] = [];
  readonly addresses: string[] = [];
  readonly token = randomBytes(12).toString('hex');

  private constructor(
    /** Environment of every process. */
    readonly env: Variables,
    private readonly logs: LogBook,
  ) {}

  static async start(
    servers: Servers,
    { engine }: SoakOptions,
    record: SoakRecord,
    logs: LogBook,
    signal: AbortSignal,
    onExit: (cleanUp: () => Promise<void>) => void,
  ): Promise<Deployment> {
    const deployment = new Deployment(
      {
        DATABASE_URL: servers.bouncer.url,
        DATABASE_DIRECT_URL: servers.directUrl,
        REDIS_URL: servers.redis.url,
        HISTORY_ENGINE: engine,
        LOCK_TTL_MS: String(LOCK_TTL_MS),
        IMPORT_BATCH_SIZE: String(IMPORT_BATCH_SIZE),
      },
      logs,
    );
    const { code } = await runCommand(['migrate'], deployment.env, logs);
    if (code !== 0)
      throw new Error(`tracker migrate failed with exit code ${String(code)}; --logs FOLDER keeps its log`);
    onExit(() => deployment.kill());
    await deployment.startPrograms(record, signal);
    return deployment;
  }

  private async startPrograms(record: SoakRecord, signal: AbortSignal): Promise<void> {
    for (const [role, roles] of Object.entries(ROLES)) {
      for (const number of [1, 2]) {
        const port = await freePort();
        if (role === 'api') this.addresses.push(`http://127.0.0.1:${port}`);
        const env = { ...this.env, APP_ROLES: roles, PORT: String(port), IMPORT_TOKEN: this.token };
        this.programs.push(new Program(`${role}-${number}`, env, this.logs, record));
      }
    }
    await Promise.all(this.programs.map((program) => program.start(signal)));
  }

  sampleMemory(): void {
    for (const program of this.programs) program.sampleMemory();
  }

  /** Sends SIGTERM to all programs and waits until they have ended. */
  async terminate(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.terminate()));
  }

  private async kill(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
  }
}
