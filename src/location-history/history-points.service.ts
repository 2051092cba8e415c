import { Injectable } from '@nestjs/common';
import { parseTimeZone } from '../common/time-zone.js';
import { type TimeRange, timeRange } from '../common/time-range.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { type HistoryResolution, resolve, type StoredResolution } from './history-resolution.js';
import { LocationHistoryRepository } from './location-history.repository.js';
import type { HistoryPointRow, LocationHistoryRow } from './location-history.row.js';

/** Why there is nothing in a part of a range. */
export enum GapReason {
  NO_REPORTS = 'NO_REPORTS',
  NOT_KEPT = 'NOT_KEPT',
}

export interface Gap {
  startTime: Date;
  endTime: Date;
  reason: GapReason;
}

/** A range of history, at most as many rows as were asked for, and what is told beside them. */
export interface HistoryPoints {
  resolution: StoredResolution;
  rows: LocationHistoryRow[];
  /** Rows before thinning. */
  rowsInRange: number;
  thinned: boolean;
  gaps: Gap[];
}

export interface PointsAsked {
  trackerId: string;
  startTime: Date;
  endTime: Date;
  resolution: HistoryResolution;
  timeZone?: string | null | undefined;
  maxPoints: number;
  gapSeconds: number;
}

@Injectable()
export class HistoryPointsService {
  constructor(
    private readonly history: LocationHistoryRepository,
    private readonly trackers: TrackersService,
  ) {}

  /**
   * A range of a tracker's history in a resolution that suits it, thinned where it is long, with its gaps.
   *
   * @throws DomainError `BAD_USER_INPUT` (id, range, time zone), `NOT_FOUND` (tracker).
   */
  async points(asked: PointsAsked): Promise<HistoryPoints> {
    const range = timeRange(asked.startTime, asked.endTime);
    const timeZone = asked.timeZone == null ? null : parseTimeZone(asked.timeZone);
    const resolution = resolve(asked.resolution, range, asked.timeZone != null);
    const tracker = await this.trackers.get(asked.trackerId);
    const found = await this.history.findPoints(
      { ...range, trackerId: tracker.id, resolution, timeZone },
      asked.maxPoints,
      asked.gapSeconds,
    );
    const rows = found.filter(
      (row): row is HistoryPointRow & LocationHistoryRow => row.id !== null && row.isPoint,
    );
    const rowsInRange = found[0]?.rowsInRange ?? 0;
    return {
      resolution,
      rows,
      rowsInRange,
      thinned: rowsInRange > rows.length,
      gaps: gapsOf(found, range, asked.gapSeconds),
    };
  }
}

/** Every part of the range, until now, that no row is of. */
function gapsOf(found: readonly HistoryPointRow[], range: TimeRange, gapSeconds: number): Gap[] {
  const [first] = found;
  if (!first) return [];
  const { keptFrom, askedAt } = first;
  const end = new Date(Math.min(range.end.getTime(), askedAt.getTime()));
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
  } else if (last.bucketSize !== 'raw' || end.getTime() - last.endsAt.getTime() > gapSeconds * 1000) {
    add(last.endsAt, end, GapReason.NO_REPORTS);
  }
  return gaps;
}
