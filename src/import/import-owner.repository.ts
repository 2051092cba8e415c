import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import pg from 'pg';
import type { AppConfig } from '../config/app-config.js';
import { APP_CONFIG } from '../config/config.module.js';
import { DATABASE_URL } from '../database/database.module.js';
import { HeardClient } from '../database/heard-client.js';

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
  private readonly url: string;

  constructor(@Inject(DATABASE_URL) url: string, @Inject(APP_CONFIG) config: AppConfig) {
    // A pooler in transaction mode would give the session to others.
    this.url = config.DATABASE_LISTEN_URL ?? url;
  }

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
    const client = new HeardClient({
      connectionString: this.url,
      application_name: 'tracker-location-history import',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      // Of a client that vanished with its machine the server hears nothing, unless it asks.
      options: '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
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
