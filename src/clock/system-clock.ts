import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { Injectable } from '@nestjs/common';

/** Linux gives every boot an id of its own; in a container it is that of the host, as the uptime is. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The clock of this program, and what no setting of a clock changes: how long its machine has been up. */
@Injectable()
export class SystemClock {
  /** One boot of one machine. Where the system has no id for that, of this process alone. */
  readonly machine = bootId();

  now(): Date {
    return new Date();
  }

  /** Seconds since the machine was booted, the time that it was suspended included. */
  uptime(): number {
    return uptime();
  }
}

function bootId(): string {
  try {
    return readFileSync(BOOT_ID, 'utf8').trim();
  } catch {
    return `${hostname()}:${process.pid}:${performance.timeOrigin.toFixed(0)}`;
  }
}
