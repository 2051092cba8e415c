import { Injectable } from '@nestjs/common';
import type { ListenerState, PgListener } from './pg-listener.js';

/** The listeners of this process, for health checks. */
@Injectable()
export class ListenerRegistry {
  private readonly listeners = new Map<string, PgListener>();

  add(channel: string, listener: PgListener): void {
    this.listeners.set(channel, listener);
  }

  /** States by channel; empty if the roles of this process do not listen. */
  states(): Map<string, ListenerState> {
    return new Map([...this.listeners].map(([channel, { state }]) => [channel, state]));
  }
}
