import { Args, Field, ID, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { AssignDeviceArgs } from './dto/assign-device.args.js';
import { ListDevicesArgs } from './dto/list-devices.args.js';
import { TrackerDevicesService } from './tracker-devices.service.js';

@ObjectType('TrackerDevice', {
  description: 'A device: a name that sources use for a tracker, besides its own.',
})
export class TrackerDeviceModel {
  @Field(() => String, { description: 'Name of the device.' })
  device!: string;

  @Field(() => ID, { description: 'Id of the tracker.' })
  trackerId!: string;
}

@Resolver(() => TrackerDeviceModel)
export class TrackerDevicesResolver {
  constructor(private readonly devices: TrackerDevicesService) {}

  @Query(() => [TrackerDeviceModel], { description: 'Assigned devices, ordered by name.' })
  trackerDevices(@Args() { limit, after }: ListDevicesArgs): Promise<TrackerDeviceModel[]> {
    return this.devices.list(after, limit);
  }

  @Mutation(() => Boolean, {
    description:
      'Assigns a device to a tracker: new reports of the device belong to the tracker. Reports rejected earlier can be ' +
      'retried: `tracker import retry --reason unknown_tracker`.',
  })
  async assignDevice(@Args() { device, trackerId }: AssignDeviceArgs): Promise<boolean> {
    await this.devices.assign(device, trackerId);
    return true;
  }
}
