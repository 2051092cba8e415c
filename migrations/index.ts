import { CreateFoundation1764000000001 } from './1764000000001-create-foundation.js';
import { CreateTrackers1764000000002 } from './1764000000002-create-trackers.js';
import { BackUpLocationHistory1764000000003 } from './1764000000003-back-up-location-history.js';
import { CreateLocationReports1764000000004 } from './1764000000004-create-location-reports.js';
import { CreateAggregates1764000000005 } from './1764000000005-create-aggregates.js';
import { CreateLocationHistory1764000000006 } from './1764000000006-create-location-history.js';
import { CreateIngest1764000000007 } from './1764000000007-create-ingest.js';
import { CreateJobsAndLocks1764000000008 } from './1764000000008-create-jobs-and-locks.js';
import { CreateImportRuns1764000000009 } from './1764000000009-create-import-runs.js';
import { CreateTrackerKeys1764000000010 } from './1764000000010-create-tracker-keys.js';
import { CreateGeocoding1764000000011 } from './1764000000011-create-geocoding.js';
import { CreateApi1764000000012 } from './1764000000012-create-api.js';
import { AddDeviceFields1767000000001 } from './1767000000001-add-device-fields.js';
import { RemakeAggregates1767000000002 } from './1767000000002-remake-aggregates.js';
import { GuardHistory1769000000001 } from './1769000000001-guard-history.js';

/** All migrations, oldest first. Append only: released migrations are never edited or reordered. */
export const migrations = [
  CreateFoundation1764000000001,
  CreateTrackers1764000000002,
  BackUpLocationHistory1764000000003,
  CreateLocationReports1764000000004,
  CreateAggregates1764000000005,
  CreateLocationHistory1764000000006,
  CreateIngest1764000000007,
  CreateJobsAndLocks1764000000008,
  CreateImportRuns1764000000009,
  CreateTrackerKeys1764000000010,
  CreateGeocoding1764000000011,
  CreateApi1764000000012,
  AddDeviceFields1767000000001,
  RemakeAggregates1767000000002,
  GuardHistory1769000000001,
];
