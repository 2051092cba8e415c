import { Args, ID, Mutation, Resolver } from '@nestjs/graphql';
import { ImportLedgerService } from '../import/import-ledger.service.js';
import { ImportRunModel, toImportRunModel } from '../import/import-run.model.js';
import { FetchService } from './fetch.service.js';

@Resolver(() => ImportRunModel)
export class FetchResolver {
  constructor(
    private readonly fetches: FetchService,
    private readonly ledger: ImportLedgerService,
  ) {}

  @Mutation(() => ImportRunModel, {
    nullable: true,
    description:
      'Asks the Find My network for the reports of a tracker now: queues an import and gives it back, to be looked at by ' +
      'its id. While one is queued for the tracker, it is that one.',
  })
  async updateTrackerLocation(
    @Args('trackerId', { type: () => ID, description: 'Id of the tracker.' }) trackerId: string,
  ): Promise<ImportRunModel | null> {
    const run = await this.ledger.run(await this.fetches.request(trackerId));
    return run && toImportRunModel(run);
  }
}
