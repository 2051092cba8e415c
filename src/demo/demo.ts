import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type RunningServer, serve } from '../serve.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { DemoRepository } from './demo.repository.js';

const FLEET_SIZE = 25;
const MOVING_TRACKERS = 5;
const MOVE_INTERVAL_MS = 5_000;

/**
 * Starts the server with a mock fleet, some of which keeps moving, and prints the addresses and a query to try.
 *
 * @returns the function that stops everything.
 */
export async function runDemo(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const server = await serve({ PORT: '3000', ...env, APP_ROLES: '' }); // '': all roles
  const demo = await server.app.get(ModuleRef).create(DemoRepository);
  const keys = await registerFleet(server.app.get(TrackersService));
  await demo.loadMockReports();

  const logger = new Logger('Demo');
  const timer = setInterval(() => {
    demo
      .moveTrackers(keys.slice(0, MOVING_TRACKERS))
      .catch((error: unknown) => logger.warn(`could not move the trackers: ${String(error)}`));
  }, MOVE_INTERVAL_MS);
  process.stdout.write(await welcome(server));
  return async () => {
    clearInterval(timer);
    await server.close();
  };
}

/** Registers the trackers that an earlier run has not registered yet. @returns the keys of the whole fleet. */
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
The demo is running: ${FLEET_SIZE} trackers, ${MOVING_TRACKERS} of them moving. Ctrl-C stops everything.

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
