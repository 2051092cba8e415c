import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import type { LedgerRun, LedgerTracker } from './import-ledger.repository.js';

@ObjectType({ description: 'The reports of an import that were rejected for one reason.' })
export class ImportRejection {
  @Field(() => String, { description: 'The reason, e.g. "unknown_tracker".' })
  reason!: string;

  @Field(() => Int, { description: 'Number of reports.' })
  reports!: number;

  @Field(() => Float, {
    description: 'Position of the first one in the input: a line number or a running number.',
  })
  firstPosition!: number;

  @Field(() => String, { nullable: true, description: 'Details about the first one, if there are any.' })
  message?: string;

  @Field(() => Int, {
    description: 'Number of reports kept in the quarantine; the others are only counted.',
  })
  kept!: number;

  @Field(() => Int, { description: 'Number of kept reports that a later retry accepted.' })
  retaken!: number;
}

@ObjectType({ description: 'The counts of one tracker in an import.' })
export class ImportRunTracker {
  @Field(() => String, { description: 'Hashed advertisement key of the reports.' })
  hashedAdvertisementKey!: string;

  @Field(() => ID, { nullable: true, description: 'Id of the tracker; null if no tracker has the key.' })
  trackerId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the tracker; null if no tracker has the key.',
  })
  trackerName!: string | null;

  @Field(() => Int, { description: 'Stored as raw reports.' })
  stored!: number;

  @Field(() => Int, { description: 'Merged into the daily history.' })
  late!: number;

  @Field(() => Int, { description: 'Already known.' })
  duplicate!: number;

  @Field(() => Int, { description: 'Rejected reports that had a key.' })
  rejected!: number;
}

@ObjectType('ImportRun', {
  description: 'An import and its ledger: read = stored + late + duplicate + rejected.',
})
export class ImportRunModel {
  @Field(() => ID, { description: 'Id of the import.' })
  id!: string;

  @Field(() => String, {
    description:
      'How the reports arrived: file, http, owntracks, overland, find-my, or retry (of rejected reports).',
  })
  kind!: string;

  @Field(() => String, { description: 'Name of the input: a path, an app.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Format of the input; null until the import starts.' })
  format!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the tracker set for all reports.',
  })
  tracker!: string | null;

  @Field(() => String, {
    description:
      'queued, running or completed; broken: the input is truncated or malformed; failed or interrupted: importing the ' +
      'same input again resumes it.',
  })
  outcome!: string;

  @Field(() => String, { nullable: true, description: 'Code of the error, if it did not complete.' })
  errorCode!: string | null;

  @Field(() => String, { nullable: true, description: 'Message of the error, if it did not complete.' })
  error!: string | null;

  @Field(() => Date, { description: 'When it started, or was queued.' })
  startedAt!: Date;

  @Field(() => Date, {
    nullable: true,
    description: 'When it ended; for the daily import of a phone app, when reports were last added.',
  })
  finishedAt!: Date | null;

  @Field(() => Int, { description: 'How often it was resumed.' })
  resumed!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Position of the last processed report in the input.',
  })
  lastPosition!: number | null;

  @Field(() => Int, { description: 'Reports and other items read.' })
  read!: number;

  @Field(() => Int, { description: 'Stored as raw reports.' })
  stored!: number;

  @Field(() => Int, {
    description: 'Merged into the daily history, because their day is past the retention of raw reports.',
  })
  late!: number;

  @Field(() => Int, { description: 'Already known.' })
  duplicate!: number;

  @Field(() => Int, { description: 'Rejected; see rejections for the reasons.' })
  rejected!: number;

  @Field(() => [ImportRejection], { description: 'The rejected reports by reason, most frequent first.' })
  rejections!: ImportRejection[];
}

export function toImportRunModel({ counts, ...run }: LedgerRun): ImportRunModel {
  return { ...run, ...counts };
}

export function toImportRunTracker({ hashedAdvKey, ...tracker }: LedgerTracker): ImportRunTracker {
  return { ...tracker, hashedAdvertisementKey: hashedAdvKey };
}
