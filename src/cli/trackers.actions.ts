import { randomBytes } from 'node:crypto';
import { describeMoment } from '../common/describe-moment.js';
import { validateInput } from '../common/validate-input.js';
import { CreateTrackerInput } from '../trackers/dto/create-tracker.input.js';
import { UpdateTrackerInput } from '../trackers/dto/update-tracker.input.js';
import { TrackerSearchService } from '../trackers/tracker-search.service.js';
import type { TrackerEntity } from '../trackers/tracker.entity.js';
import { TrackersApiModule } from '../trackers/trackers-api.module.js';
import { TrackersModule } from '../trackers/trackers.module.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { answer, type AnswerFlags, table } from './answer.js';
import { trackerIdOf } from './tracker-by-name.js';
import { withContext } from './with-context.js';

export interface AddTrackerFlags extends AnswerFlags {
  key?: string;
}

export interface ListTrackersFlags extends AnswerFlags {
  filter?: string;
}

/** A tracker in the output, with the field names of the API. */
type ListedTracker = Pick<
  TrackerEntity,
  'id' | 'name' | 'macAddress' | 'currentStatus' | 'lastReportReceived' | 'createdAt'
> & { hashedAdvertisementKey: string };

const listed = (tracker: TrackerEntity): ListedTracker => ({
  id: tracker.id,
  name: tracker.name,
  hashedAdvertisementKey: tracker.hashedAdvKey,
  macAddress: tracker.macAddress,
  currentStatus: tracker.currentStatus,
  lastReportReceived: tracker.lastReportReceived,
  createdAt: tracker.createdAt,
});

/** Trackers per query. */
const PAGE = 1000;

/** `tracker trackers add` */
export async function addTracker(name: string, flags: AddTrackerFlags): Promise<void> {
  const hashedAdvertisementKey = flags.key ?? randomBytes(32).toString('base64');
  const input = validateInput<CreateTrackerInput>(CreateTrackerInput, { name, hashedAdvertisementKey });
  await withContext(TrackersModule, async (context) => {
    const tracker = await context.get(TrackersService).create(input);
    answer({ tracker: listed(tracker) }, `added ${quoted(tracker)}, id ${tracker.id}\n`, flags);
  });
}

/** `tracker trackers list` */
export async function listTrackers(flags: ListTrackersFlags): Promise<void> {
  const trackers = await withContext(
    TrackersApiModule,
    (context) => readAll(context.get(TrackerSearchService), flags.filter),
    { writes: false },
  );
  answer({ trackers }, () => describeTrackers(trackers), flags);
}

async function readAll(search: TrackerSearchService, name: string | undefined): Promise<ListedTracker[]> {
  const trackers: ListedTracker[] = [];
  for (let after: string | undefined; ;) {
    const filter = name === undefined ? {} : { name };
    const { nodes, pageInfo } = await search.findPage(PAGE, after, undefined, filter);
    trackers.push(...nodes.map(listed));
    if (!pageInfo.hasNextPage || pageInfo.endCursor === null) return trackers;
    after = pageInfo.endCursor;
  }
}

function describeTrackers(trackers: readonly ListedTracker[]): string {
  return table([
    ['id', 'name', 'status', 'last report received', 'hashed key'],
    ...trackers.map(({ id, name, currentStatus, lastReportReceived, hashedAdvertisementKey }) => [
      id,
      name,
      currentStatus,
      lastReportReceived ? describeMoment(lastReportReceived) : '-',
      hashedAdvertisementKey,
    ]),
  ]);
}

/** `tracker trackers rename` */
export async function renameTracker(name: string, newName: string, flags: AnswerFlags): Promise<void> {
  const input = validateInput<UpdateTrackerInput>(UpdateTrackerInput, { name: newName });
  await withContext(TrackersModule, async (context) => {
    const tracker = await context.get(TrackersService).update(await trackerIdOf(context, name), input);
    answer({ tracker: listed(tracker) }, `renamed ${JSON.stringify(name)} to ${quoted(tracker)}\n`, flags);
  });
}

const quoted = ({ name }: TrackerEntity): string => JSON.stringify(name);
