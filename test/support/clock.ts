import type { DataSource } from 'typeorm';
import { ClockRepository } from '../../src/clock/clock.repository.js';
import { ClockService } from '../../src/clock/clock.service.js';
import { SystemClock } from '../../src/clock/system-clock.js';

/** The clocks as one process sees them. */
export function clockOf(process: DataSource, clock = new SystemClock()): ClockService {
  return new ClockService(clock, new ClockRepository(process));
}
