import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { costOfList } from '../common/graphql/query-cost.js';
import { CreateTrackerInput } from './dto/create-tracker.input.js';
import { DeletedTracker, DeleteTrackerArgs } from './dto/delete-tracker.args.js';
import { ListTrackersArgs } from './dto/list-trackers.args.js';
import { UpdateTrackerInput } from './dto/update-tracker.input.js';
import { toTrackerModel, TrackerModel } from './tracker.model.js';
import { TrackersService } from './trackers.service.js';

@Resolver(() => TrackerModel)
export class TrackersResolver {
  constructor(private readonly trackers: TrackersService) {}

  @Query(() => TrackerModel, { nullable: true, description: 'The tracker with this id, or null.' })
  async tracker(
    @Args('id', { type: () => ID, description: 'Id of the tracker.' }) id: string,
  ): Promise<TrackerModel | null> {
    const tracker = await this.trackers.find(id);
    return tracker && toTrackerModel(tracker);
  }

  @Query(() => TrackerModel, {
    nullable: true,
    description:
      'The tracker that advertises this key, as its first or an additional key, or null. Also finds a tracker ' +
      'that is registered by the hash of the key.',
  })
  async trackerByAdvertisementKey(
    @Args('key', { description: 'Public key, base64 of 28 bytes.' }) key: string,
  ): Promise<TrackerModel | null> {
    const tracker = await this.trackers.findByAdvertisementKey(key);
    return tracker && toTrackerModel(tracker);
  }

  @Query(() => [TrackerModel], {
    name: 'trackers',
    description: 'Trackers in the order of registration.',
    complexity: costOfList('limit'),
  })
  async list(@Args() { limit, offset }: ListTrackersArgs): Promise<TrackerModel[]> {
    return (await this.trackers.list(limit, offset)).map(toTrackerModel);
  }

  @Mutation(() => TrackerModel, {
    description: 'Registers a tracker. Reports of its key that arrived earlier become part of its history.',
  })
  async createTracker(
    @Args('input', { description: 'The tracker to register.' }) input: CreateTrackerInput,
  ): Promise<TrackerModel> {
    return toTrackerModel(await this.trackers.create(input));
  }

  @Mutation(() => TrackerModel, { description: 'Changes the given fields of a tracker.' })
  async updateTracker(
    @Args('id', { type: () => ID, description: 'Id of the tracker.' }) id: string,
    @Args('input', { description: 'Fields to change.' }) input: UpdateTrackerInput,
  ): Promise<TrackerModel> {
    return toTrackerModel(await this.trackers.update(id, input));
  }

  @Mutation(() => DeletedTracker, {
    description:
      'Deletes a tracker and its status history. The argument `history` decides whether its location history is kept.',
  })
  deleteTracker(@Args() { id, history }: DeleteTrackerArgs): Promise<DeletedTracker> {
    return this.trackers.delete(id, history);
  }
}
