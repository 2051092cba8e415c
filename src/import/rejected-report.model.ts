import { Field, Float, ID, ObjectType } from '@nestjs/graphql';
import { telemetryModel } from '../location-history/telemetry.model.js';
import type { RejectedReport } from './rejected-reports.repository.js';

@ObjectType('RejectedReport', { description: 'A rejected report, as it was received.' })
export class RejectedReportModel extends telemetryModel('As received, even if out of range.') {
  @Field(() => ID, { description: 'Id in the quarantine.' })
  id!: string;

  @Field(() => ID, { description: 'The import that rejected it.' })
  runId!: string;

  @Field(() => Float, { description: 'Position in the input: a line number or a running number.' })
  position!: number;

  @Field(() => String, { description: 'Why it was rejected; after a retry, the latest reason.' })
  reason!: string;

  @Field(() => String, { nullable: true, description: 'Details about the reason, if there are any.' })
  message!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the tracker in the source.' })
  tracker!: string | null;

  @Field(() => String, { nullable: true, description: 'Hashed advertisement key, if known.' })
  hashedAdvertisementKey!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: 'Time as received; null if it could not be parsed.',
  })
  timestamp!: Date | null;

  @Field(() => Float, { nullable: true, description: 'Degrees as received, even if out of range.' })
  latitude!: number | null;

  @Field(() => Float, { nullable: true, description: 'Degrees as received, even if out of range.' })
  longitude!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Original text of the report, or its beginning; null if unknown.',
  })
  given!: string | null;

  @Field(() => Date, { description: 'When it was rejected.' })
  rejectedAt!: Date;
}

export function toRejectedReportModel({ hashedAdvKey, ...report }: RejectedReport): RejectedReportModel {
  return { ...report, hashedAdvertisementKey: hashedAdvKey };
}
