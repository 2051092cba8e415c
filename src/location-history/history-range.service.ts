import { Injectable } from '@nestjs/common';
import { parseTimeZone } from '../common/time-zone.js';
import { type TimeRange, timeRange } from '../common/time-range.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { chooseResolution, HistoryResolution, type RowResolution } from './history-resolution.js';
import { resolutionOf } from './bucket-size.js';
import { LocationHistoryRepository } from './location-history.repository.js';
import type { HistoryRangeRow, LocationHistoryRow } from './location-history.row.js';

/** Why a part of a range has no rows. */
export enum GapReason {
  NO_REPORTS = 'NO_REPORTS',
  NOT_KEPT = 'NOT_KEPT',
}

export interface Gap {
  startTime: Date;
  endTime: Date;
  reason: GapReason;
}

/** The rows of a range, at most as many as requested, and its gaps. */
export interface HistoryRange {
  resolution: RowResolution;
  rows: LocationHistoryRow[];
  /** Number of rows before thinning. */
  rowsInRange: number;
  thinned: boolean;
  gaps: Gap[];
}

export interface HistoryRangeRequest {
  trackerId: string;
  startTime: Date;
  endTime: Date;
  resolution: HistoryResolution;
  timeZone?: string | null | undefined;
  maxPoints: number;
  gapSeconds: number;
}

@Injectable()
export class HistoryRangeService {
  constructor(
    private readonly history: LocationHistoryRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * Finds the rows of a tracker in a range, thinned to `maxPoints`, with the gaps of the range.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range, time zone), `NOT_FOUND` (tracker).
   */
  async find(request: HistoryRangeRequest): Promise<HistoryRange> {
    const { maxPoints, gapSeconds } = request;
    const range = timeRange(request.startTime, request.endTime);
    const timeZone = request.timeZone == null ? null : parseTimeZone(request.timeZone);
    const resolution = chooseResolution(request.resolution, range, request.timeZone != null);
    const tracker = await this.trackers.get(request.trackerId);
    const query = { ...range, trackerId: tracker.id, resolution, timeZone };
    const found = await this.history.findPoints(query, maxPoints, gapSeconds);
    const rows = found.filter(
      (row): row is HistoryRangeRow & LocationHistoryRow => row.id !== null && row.isPoint,
    );
    const rowsInRange = found[0]?.rowsInRange ?? 0;
    return {
      resolution,
      rows,
      rowsInRange,
      thinned: rowsInRange > rows.length,
      gaps: findGaps(found, range, gapSeconds),
    };
  }
}

/** Returns the parts of the range, up to now, that no row covers. */
function findGaps(found: readonly HistoryRangeRow[], range: TimeRange, gapSeconds: number): Gap[] {
  const [first] = found;
  if (!first) return [];
  const { keptFrom, queriedAt } = first;
  const end = new Date(Math.min(range.end.getTime(), queriedAt.getTime()));
  const gaps: Gap[] = [];
  const add = (startTime: Date, endTime: Date, reason: GapReason): void => {
    if (startTime < endTime) gaps.push({ startTime, endTime, reason });
  };
  add(range.start, new Date(Math.min(keptFrom.getTime(), end.getTime())), GapReason.NOT_KEPT);
  for (const { gapStart, timestamp } of found) {
    if (gapStart) add(gapStart, timestamp, GapReason.NO_REPORTS);
  }
  const last = found.at(-1);
  if (!last || last.id === null) {
    add(new Date(Math.max(range.start.getTime(), keptFrom.getTime())), end, GapReason.NO_REPORTS);
  } else if (
    resolutionOf(last.bucketSize) !== HistoryResolution.RAW ||
    end.getTime() - last.endsAt.getTime() > gapSeconds * 1000
  ) {
    add(last.endsAt, end, GapReason.NO_REPORTS);
  }
  return gaps;
}
