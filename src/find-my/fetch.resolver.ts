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
      'Fetches the reports of a tracker from the Find My network now: queues an import and returns it, so that its id ' +
      'can be polled. If an import is already queued for the tracker, returns that one.',
  })
  async updateTrackerLocation(
    @Args('trackerId', { type: () => ID, description: 'Id of the tracker.' }) trackerId: string,
  ): Promise<ImportRunModel | null> {
    const run = await this.ledger.run(await this.fetches.request(trackerId));
    return run && toImportRunModel(run);
  }
}
