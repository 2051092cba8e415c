import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { packagePath } from '../database/sql-files.js';
import { listChecksums, verifyFrozenSteps } from './frozen-steps.js';

const FIXTURES = 'test/fixtures/0.1.0';

/** Checksums in a list that sha256sum wrote, by path. */
function readList(path: string): Map<string, string> {
  const lines = readFileSync(packagePath(path), 'utf8').trim().split('\n');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

describe('the frozen steps', () => {
  it('match checksums.txt', () => {
    expect(() => verifyFrozenSteps()).not.toThrow();
    expect(listChecksums()).toBe(readFileSync(packagePath('sql/migrations/checksums.txt'), 'utf8'));
  });
});

describe('step 0001', () => {
  const released = readList(`${FIXTURES}/checksums.txt`); // of sql/schema at 0.1.0 (commit 1fd3500)
  const kept = new Map(
    [...readList('sql/migrations/checksums.txt')]
      .filter(([path]) => path.startsWith('0001/'))
      .map(([path, checksum]) => [path.slice('0001/'.length), checksum]),
  );
  /** Files that undid a migration, or moved the days of a database to the other engine. */
  const NOT_CARRIED_OVER = [
    'common/drop_erase_reports.sql',
    'common/drop_fill_cities.sql',
    'common/drop_geocoding.sql',
    'common/drop_history_answers.sql',
    'common/drop_import_runs.sql',
    'common/drop_ingest.sql',
    'common/drop_jobs_and_locks.sql',
    'common/drop_location_history.sql',
    'common/drop_location_reports.sql',
    'common/drop_queue_reports.sql',
    'common/drop_report_functions.sql',
    'common/drop_tracker_keys.sql',
    'common/drop_tracker_status_history.sql',
    'common/drop_trackers.sql',
    'postgresql/drop_aggregates.sql',
    'timescaledb/drop_aggregates.sql',
    'timescaledb/restore_days.sql',
  ];
  /** Differs, because only a superuser may create the log_new_reports() of 0.1.0. */
  const CHANGED = 'timescaledb/report_triggers.sql';
  /** New file; in 0.1.0 the migration itself contained the statement. */
  const ADDED = 'common/carry_over_backups.sql';

  it('has the files of 0.1.0, byte for byte except one', () => {
    const paths = [...released.keys()].filter((path) => !NOT_CARRIED_OVER.includes(path));
    expect(NOT_CARRIED_OVER.filter((path) => !released.has(path))).toEqual([]);
    expect([...kept.keys()].sort()).toEqual([...paths, ADDED].sort());
    const differing = paths.filter((path) => kept.get(path) !== released.get(path));
    expect(differing).toEqual([CHANGED]);
  });

  it('differs from 0.1.0 in log_new_reports() only', () => {
    const withoutIt = (path: string): string =>
      readFileSync(packagePath(path), 'utf8').replace(
        /^CREATE FUNCTION log_new_reports\(\).*?^END \$\$;$/ms,
        '',
      );
    expect(withoutIt(`sql/migrations/0001/${CHANGED}`)).toBe(withoutIt(`${FIXTURES}/report_triggers.sql`));
    const fixture = readFileSync(packagePath(`${FIXTURES}/report_triggers.sql`));
    expect(released.get(CHANGED)).toBe(createHash('sha256').update(fixture).digest('hex'));
  });
});
