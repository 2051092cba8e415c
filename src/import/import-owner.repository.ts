import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type pg from 'pg';
import { DIRECT_URL } from '../database/database.module.js';
import { CrashSafeClient } from '../database/crash-safe-client.js';
import { dedicatedSession } from '../database/session-settings.js';

interface Owner {
  name: string;
  client: pg.Client;
}

/**
 * The name under which this process owns its runs. A dedicated session holds an advisory lock on the name. The session
 * ends with the process, even after a crash, and then other processes see that its runs were interrupted. All runs
 * share this session, so that a slow sender does not occupy a connection of the pool.
 */
@Injectable()
export class ImportOwnerRepository implements OnApplicationShutdown {
  private owner: Promise<Owner> | undefined;

  constructor(@Inject(DIRECT_URL) private readonly url: string) {}

  /** Returns the locked name. After a lost connection it is a new name, as the server may still hold the old lock. */
  async name(): Promise<string> {
    this.owner ??= this.acquire();
    try {
      return (await this.owner).name;
    } catch (error) {
      this.owner = undefined;
      throw error;
    }
  }

  onApplicationShutdown(): Promise<void> {
    return this.renounce();
  }

  /** Gives up the name; runs under it count as interrupted. */
  async renounce(): Promise<void> {
    const owner = await this.owner?.catch(() => undefined);
    this.owner = undefined;
    await owner?.client.end().catch(() => undefined); // the connection may be lost already
  }

  private async acquire(): Promise<Owner> {
    const name = randomUUID();
    const client = new CrashSafeClient({
      connectionString: this.url,
      application_name: 'tracker-location-history import',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      session: dedicatedSession(),
    });
    const lost = (): void => {
      this.owner = undefined;
    };
    client.on('error', lost).on('end', lost);
    await client.connect();
    await client.query('SELECT pg_advisory_lock(import_owner_lock($1))', [name]);
    return { name, client };
  }
}
