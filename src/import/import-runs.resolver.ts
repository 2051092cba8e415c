import { Args, Context, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { RequestContext } from '../common/graphql/request-context.js';
import { ListImportRunsArgs } from './dto/list-import-runs.args.js';
import { ListRejectedReportsArgs } from './dto/list-rejected-reports.args.js';
import { ImportLedgerService } from './import-ledger.service.js';
import {
  ImportRunModel,
  ImportRunTracker,
  toImportRunModel,
  toImportRunTracker,
} from './import-run.model.js';
import { RejectedReportModel, toRejectedReportModel } from './rejected-report.model.js';

@Resolver(() => ImportRunModel)
export class ImportRunsResolver {
  constructor(private readonly ledger: ImportLedgerService) {}

  @Query(() => [ImportRunModel], { description: 'Imports, newest first.' })
  async importRuns(@Args() { limit, before, ...filter }: ListImportRunsArgs): Promise<ImportRunModel[]> {
    return (await this.ledger.runs(filter, before, limit)).map(toImportRunModel);
  }

  @Query(() => ImportRunModel, {
    nullable: true,
    description: 'The import with this id; null if there is none.',
  })
  async importRun(
    @Args('id', { type: () => ID, description: 'Id of the import.' }) id: string,
  ): Promise<ImportRunModel | null> {
    const run = await this.ledger.run(id);
    return run && toImportRunModel(run);
  }

  @Query(() => [RejectedReportModel], {
    description: 'Reports in the quarantine, in the order of rejection.',
  })
  async rejectedReports(
    @Args() { limit, after, ...filter }: ListRejectedReportsArgs,
  ): Promise<RejectedReportModel[]> {
    return (await this.ledger.rejected(filter, after, limit)).map(toRejectedReportModel);
  }

  @ResolveField(() => [ImportRunTracker], {
    description: 'Counts by tracker, for the 1000 trackers with the most reports.',
  })
  async trackers(
    @Parent() { id }: ImportRunModel,
    @Context() context: RequestContext,
  ): Promise<ImportRunTracker[]> {
    const found = await context.loader(this, (ids) => this.ledger.trackersOf(ids)).load(id);
    return (found ?? []).map(toImportRunTracker);
  }
}
