import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { Injectable } from '@nestjs/common';

/** Linux gives every boot an id. In a container both the id and the uptime are the host's. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** This program's clock, and the uptime of its machine, which setting a clock does not change. */
@Injectable()
export class SystemClock {
  /** Identifies one boot of one machine; on a system without a boot id, this process. */
  readonly machine = bootId();

  now(): Date {
    return new Date();
  }

  /** Seconds since the machine was booted, including time in suspend. */
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
