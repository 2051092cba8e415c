import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import type { LedgerRun, LedgerTracker } from './import-ledger.repository.js';

@ObjectType({ description: 'Rejected reports of an import, of one reason.' })
export class ImportRejection {
  @Field(() => String, { description: 'Why they were rejected, e.g. "unknown_tracker".' })
  reason!: string;

  @Field(() => Int, { description: 'How many.' })
  reports!: number;

  @Field(() => Float, { description: 'Where the first of them stood: a line, or a running number.' })
  firstPosition!: number;

  @Field(() => String, { nullable: true, description: 'Of the first one, where there is more to say.' })
  message?: string;

  @Field(() => Int, {
    description: 'How many of them came into the quarantine; the others are only counted.',
  })
  kept!: number;

  @Field(() => Int, { description: 'How many of those a later retry has taken in.' })
  retaken!: number;
}

@ObjectType({ description: 'What an import brought of one tracker.' })
export class ImportRunTracker {
  @Field(() => String, { description: 'Hashed advertisement key that the reports carry.' })
  hashedAdvertisementKey!: string;

  @Field(() => ID, { nullable: true, description: 'Id of the tracker; null where none has the key.' })
  trackerId!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the tracker; null where none has the key.' })
  trackerName!: string | null;

  @Field(() => Int, { description: 'Kept as raw reports.' })
  stored!: number;

  @Field(() => Int, { description: 'Merged into the daily history.' })
  late!: number;

  @Field(() => Int, { description: 'Known before.' })
  duplicate!: number;

  @Field(() => Int, { description: 'Rejected, as far as they had a key.' })
  rejected!: number;
}

@ObjectType('ImportRun', {
  description: 'What became of everything that an import read: read = stored + late + duplicate + rejected.',
})
export class ImportRunModel {
  @Field(() => ID, { description: 'Its number in the ledger.' })
  id!: string;

  @Field(() => String, {
    description:
      'What brought the reports: file, http, owntracks, overland, find-my, or retry (of rejected ones).',
  })
  kind!: string;

  @Field(() => String, { description: 'Of the input: a path, a device.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Format of the input; null before it began.' })
  format!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the tracker that all of it was said to be of.',
  })
  tracker!: string | null;

  @Field(() => String, {
    description:
      'queued, running, completed; broken: the input was cut or wrong further on; failed and interrupted: it goes on ' +
      'when the same input comes again.',
  })
  outcome!: string;

  @Field(() => String, { nullable: true, description: 'Code of the error that ended it.' })
  errorCode!: string | null;

  @Field(() => String, { nullable: true, description: 'What ended it before its end.' })
  error!: string | null;

  @Field(() => Date, { description: 'When it began, or was queued.' })
  startedAt!: Date;

  @Field(() => Date, {
    nullable: true,
    description: 'When it ended; of phones, which have one run a day, when it was last added to.',
  })
  finishedAt!: Date | null;

  @Field(() => Int, { description: 'How often it went on after an interruption.' })
  resumed!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Where in its input the last report stood that was dealt with.',
  })
  lastPosition!: number | null;

  @Field(() => Int, { description: 'Everything that it was given.' })
  read!: number;

  @Field(() => Int, { description: 'Kept as raw reports.' })
  stored!: number;

  @Field(() => Int, {
    description: 'Merged into the daily history: raw reports of their day are no longer kept.',
  })
  late!: number;

  @Field(() => Int, { description: 'Known before.' })
  duplicate!: number;

  @Field(() => Int, { description: 'Not taken, and why: see rejections.' })
  rejected!: number;

  @Field(() => [ImportRejection], { description: 'The rejected by reason, the most frequent first.' })
  rejections!: ImportRejection[];
}

export function toImportRunModel({ counts, ...run }: LedgerRun): ImportRunModel {
  return { ...run, ...counts };
}

export function toImportRunTracker({ hashedAdvKey, ...tracker }: LedgerTracker): ImportRunTracker {
  return { ...tracker, hashedAdvertisementKey: hashedAdvKey };
}
