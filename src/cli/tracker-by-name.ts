import type { INestApplicationContext } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { TrackersService } from '../trackers/trackers.service.js';

/** Returns the id of the tracker with this name. @throws DomainError `NOT_FOUND`. */
export async function trackerIdOf(context: INestApplicationContext, name: string): Promise<string> {
  const stored = name.trim().normalize('NFC');
  const id = (await context.get(TrackersService, { strict: false }).idsOf([stored])).get(stored);
  if (id === undefined) {
    throw new DomainError('NOT_FOUND', `There is no tracker named ${JSON.stringify(name)}`, {
      details: { argument: 'tracker' },
    });
  }
  return id;
}
