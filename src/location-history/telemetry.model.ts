import type { Type } from '@nestjs/common';
import { Field, Float, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import type { Motion, StoredTelemetry } from '../common/telemetry.js';

/** Each kind of motion: name in the API, and stored value. */
export const MotionEnum = {
  STATIONARY: 'stationary',
  WALKING: 'walking',
  RUNNING: 'running',
  CYCLING: 'cycling',
  DRIVING: 'driving',
} as const satisfies { [Word in Motion as Uppercase<Word>]: Word };

registerEnumType(MotionEnum, {
  name: 'Motion',
  description: 'Kind of motion that a device reports.',
  valuesMap: {
    STATIONARY: { description: 'Not moving.' },
    WALKING: { description: 'Walking.' },
    RUNNING: { description: 'Running.' },
    CYCLING: { description: 'On a bicycle.' },
    DRIVING: { description: 'In a vehicle: car, bus, train or other.' },
  },
});

/**
 * Base class of the API types that show a report: its telemetry.
 *
 * @param remark text that is appended to each description.
 */
export function telemetryModel(remark = ''): Type<StoredTelemetry> {
  const description = (text: string): string => (remark === '' ? text : `${text} ${remark}`);

  @ObjectType({ isAbstract: true })
  abstract class TelemetryModel implements StoredTelemetry {
    @Field(() => Float, {
      nullable: true,
      description: description('Metres above sea level.'),
    })
    altitude!: number | null;

    @Field(() => Float, { nullable: true, description: description('Speed in metres per second.') })
    speed!: number | null;

    @Field(() => Float, {
      nullable: true,
      description: description('Direction of travel in degrees clockwise from north, 0 to below 360.'),
    })
    course!: number | null;

    @Field(() => Int, {
      nullable: true,
      description: description('Battery level of the device in percent, 0 to 100.'),
    })
    battery!: number | null;

    @Field(() => MotionEnum, {
      nullable: true,
      description: description('Motion that the device reports.'),
    })
    motion!: Motion | null;
  }
  return TelemetryModel as Type<StoredTelemetry>;
}
