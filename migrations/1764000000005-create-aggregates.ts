import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

/** Hourly and daily aggregates, late reports, retention and refresh. */
export class CreateAggregates1764000000005 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return [
      'common/summarize_reports',
      `${engine}/aggregates`,
      'common/report_identities',
      'common/claim_late_reports',
      'common/unmergeable_reports',
      `${engine}/late_reports`,
      `${engine}/report_triggers`,
      `${engine}/refresh`,
      `${engine}/retention`,
    ];
  }

  override engineFiles({ engine }: Foundation): readonly string[] {
    return [`${engine}/aggregates`];
  }
}
