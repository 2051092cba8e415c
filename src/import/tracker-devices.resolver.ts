import { Args, Field, ID, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { AssignDeviceArgs } from './dto/assign-device.args.js';
import { ListDevicesArgs } from './dto/list-devices.args.js';
import { TrackerDevicesService } from './tracker-devices.service.js';

@ObjectType('TrackerDevice', { description: 'A name that sources use for a tracker, beside its own.' })
export class TrackerDeviceModel {
  @Field(() => String, { description: 'What the source calls it.' })
  device!: string;

  @Field(() => ID, { description: 'Id of the tracker that it means.' })
  trackerId!: string;
}

@Resolver(() => TrackerDeviceModel)
export class TrackerDevicesResolver {
  constructor(private readonly devices: TrackerDevicesService) {}

  @Query(() => [TrackerDeviceModel], { description: 'Assigned devices, in the order of their names.' })
  trackerDevices(@Args() { limit, after }: ListDevicesArgs): Promise<TrackerDeviceModel[]> {
    return this.devices.list(after, limit);
  }

  @Mutation(() => Boolean, {
    description:
      'Assigns a device to a tracker: reports that name it are of that tracker from now on. Those that were rejected ' +
      'before can be tried again: `tracker import retry --reason unknown_tracker`.',
  })
  async assignDevice(@Args() { device, trackerId }: AssignDeviceArgs): Promise<boolean> {
    await this.devices.assign(device, trackerId);
    return true;
  }
}
