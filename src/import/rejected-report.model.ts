import { Field, Float, ID, ObjectType } from '@nestjs/graphql';
import { telemetryModel } from '../location-history/telemetry.model.js';
import type { RejectedReport } from './rejected-reports.repository.js';

@ObjectType('RejectedReport', { description: 'A report that was not taken, as it was given.' })
export class RejectedReportModel extends telemetryModel('As given, in range or not.') {
  @Field(() => ID, { description: 'Its number in the quarantine.' })
  id!: string;

  @Field(() => ID, { description: 'The import that rejected it.' })
  runId!: string;

  @Field(() => Float, { description: 'Where it stood in its input: a line, or a running number.' })
  position!: number;

  @Field(() => String, { description: 'Why it is rejected; the newest reason where it was tried again.' })
  reason!: string;

  @Field(() => String, { nullable: true, description: 'What there is more to say than the reason.' })
  message!: string | null;

  @Field(() => String, { nullable: true, description: 'The tracker as the source named it.' })
  tracker!: string | null;

  @Field(() => String, { nullable: true, description: 'Hashed advertisement key, where it is known.' })
  hashedAdvertisementKey!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: 'When, as it was given; null where it could not be decoded.',
  })
  timestamp!: Date | null;

  @Field(() => Float, { nullable: true, description: 'Degrees as given; there may be no such place.' })
  latitude!: number | null;

  @Field(() => Float, { nullable: true, description: 'Degrees as given; there may be no such place.' })
  longitude!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Its text, or the beginning of it, where it is known.',
  })
  given!: string | null;

  @Field(() => Date, { description: 'When it was rejected.' })
  rejectedAt!: Date;
}

export function toRejectedReportModel({ hashedAdvKey, ...report }: RejectedReport): RejectedReportModel {
  return { ...report, hashedAdvertisementKey: hashedAdvKey };
}
