import type { Foundation } from '../src/database/server-capabilities.js';
import { Step } from '../src/database/schema/step.js';

export class CreateLocationReports1764000000004 extends Step {
  readonly folder = '0001';

  files({ engine }: Foundation): readonly string[] {
    return [`${engine}/location_reports`, 'common/report_guards'];
  }

  override engineFiles({ engine }: Foundation): readonly string[] {
    return [`${engine}/location_reports`];
  }
}
