import type { Type } from '@nestjs/common';
import { Field, Float, Int, ObjectType, registerEnumType } from '@nestjs/graphql';
import type { Motion, StoredTelemetry } from '../common/telemetry.js';

/** The words of the API, and the values that are stored. */
export const MotionEnum = {
  STATIONARY: 'stationary',
  WALKING: 'walking',
  RUNNING: 'running',
  CYCLING: 'cycling',
  DRIVING: 'driving',
} as const satisfies { [Word in Motion as Uppercase<Word>]: Word };

registerEnumType(MotionEnum, {
  name: 'Motion',
  description: 'How a device says that it moves.',
  valuesMap: {
    STATIONARY: { description: 'It stays where it is.' },
    WALKING: { description: 'On foot.' },
    RUNNING: { description: 'On foot, running.' },
    CYCLING: { description: 'By bicycle.' },
    DRIVING: { description: 'In a vehicle: car, bus, train or another one.' },
  },
});

/**
 * The base of a type that shows a report: what the device says beside the place.
 *
 * @param remark stands at the end of each description.
 */
export function telemetryModel(remark = ''): Type<StoredTelemetry> {
  const description = (text: string): string => (remark === '' ? text : `${text} ${remark}`);

  @ObjectType({ isAbstract: true })
  abstract class TelemetryModel implements StoredTelemetry {
    @Field(() => Float, {
      nullable: true,
      description: description('Metres above sea level, as the device says.'),
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
      description: description('Battery of the device in percent, 0 to 100.'),
    })
    battery!: number | null;

    @Field(() => MotionEnum, {
      nullable: true,
      description: description('How the device says that it moves.'),
    })
    motion!: Motion | null;
  }
  return TelemetryModel as Type<StoredTelemetry>;
}
