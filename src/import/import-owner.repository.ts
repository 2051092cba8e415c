import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type pg from 'pg';
import { DIRECT_URL } from '../database/database.module.js';
import { CrashSafeClient } from '../database/crash-safe-client.js';
import { dedicatedSession } from '../database/session-settings.js';

interface Proof {
  name: string;
  client: pg.Client;
}

/**
 * The name under which this process writes to its runs, and the proof that it lives: a session of its own that holds an
 * advisory lock of this name. When the process ends, however it ends, the session does, and its runs are known to be
 * interrupted. One for all runs: a source that sends slowly must not keep a connection of the pool.
 */
@Injectable()
export class ImportOwnerRepository implements OnApplicationShutdown {
  private proof: Promise<Proof> | undefined;

  constructor(@Inject(DIRECT_URL) private readonly url: string) {}

  /** The name, once its lock is held. Another one where the connection was lost: the server may not know of it yet. */
  async name(): Promise<string> {
    this.proof ??= this.prove();
    try {
      return (await this.proof).name;
    } catch (error) {
      this.proof = undefined;
      throw error;
    }
  }

  onApplicationShutdown(): Promise<void> {
    return this.renounce();
  }

  /** Gives the name up: what runs under it is interrupted. */
  async renounce(): Promise<void> {
    const proof = await this.proof?.catch(() => undefined);
    this.proof = undefined;
    await proof?.client.end().catch(() => undefined); // it may be gone already
  }

  private async prove(): Promise<Proof> {
    const name = randomUUID();
    const client = new CrashSafeClient({
      connectionString: this.url,
      application_name: 'tracker-location-history import',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      session: dedicatedSession(),
    });
    const lost = (): void => {
      this.proof = undefined;
    };
    client.on('error', lost).on('end', lost);
    await client.connect();
    await client.query('SELECT pg_advisory_lock(import_owner_lock($1))', [name]);
    return { name, client };
  }
}
