import { Query, Resolver } from '@nestjs/graphql';
import { HistoryHealthModel } from './history-health.model.js';
import { HistoryHealthService } from './history-health.service.js';

@Resolver(() => HistoryHealthModel)
export class HistoryHealthResolver {
  constructor(private readonly health: HistoryHealthService) {}

  @Query(() => HistoryHealthModel, {
    description: 'The state of history, and what the next run of retention removes.',
  })
  historyHealth(): Promise<HistoryHealthModel> {
    return this.health.check();
  }
}
