import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type RunningServer, serve } from '../serve.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { DemoRepository } from './demo.repository.js';

const FLEET_SIZE = 25;
const MOVING = 5;
const MOVE_EVERY_MS = 5_000;

/**
 * Starts the product with a mock fleet and something to see; prints where to look.
 *
 * @returns what stops all of it.
 */
export async function runDemo(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const server = await serve({ PORT: '3000', ...env, APP_ROLES: '' }); // all of them
  const demo = await server.app.get(ModuleRef).create(DemoRepository);
  const keys = await registerFleet(server.app.get(TrackersService));
  await demo.loadMockReports();

  const logger = new Logger('Demo');
  const timer = setInterval(() => {
    demo
      .moveTrackers(keys.slice(0, MOVING))
      .catch((error: unknown) => logger.warn(`no move: ${String(error)}`));
  }, MOVE_EVERY_MS);
  process.stdout.write(await welcome(server));
  return async () => {
    clearInterval(timer);
    await server.close();
  };
}

/** Registers the fleet, as far as it is not there from an earlier run; returns its keys. */
async function registerFleet(trackers: TrackersService): Promise<string[]> {
  const names = Array.from({ length: FLEET_SIZE }, (_, i) => `Parcel ${String(i + 1).padStart(2, '0')}`);
  const known = await trackers.keysOf(names);
  for (const name of names) {
    if (known.has(name)) continue;
    const advertisementKey = createHash('sha224').update(`demo ${name}`).digest('base64');
    const { hashedAdvKey } = await trackers.create({ name, advertisementKey });
    known.set(name, hashedAdvKey);
  }
  return names.flatMap((name) => known.get(name) ?? []);
}

async function welcome(server: RunningServer): Promise<string> {
  const [first] = await server.app.get(TrackersService).list(1, 0);
  const day = 24 * 3600 * 1000;
  const midnight = Math.floor(Date.now() / day) * day;
  const at = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z');
  return `
The demo is running: ${FLEET_SIZE} trackers, ${MOVING} of them moving. Ctrl-C stops everything.

  Playground   ${server.address}/playground
  GraphQL      ${server.address}/graphql

Paste this into the playground:

query {
  locationHistoryAggregated(
    trackerId: "${first?.id ?? '1'}"
    startTime: "${at(midnight - 30 * day)}"
    endTime: "${at(midnight + day)}"
    bucketSize: "1 day" # Options: "1 hour" or "1 day"
  ) {
    id
    timestamp
    location {
      latitude
      longitude
    }
    nearestCity
    tracker {
      id
      name
      currentStatus
    }
  }
}

`;
}
