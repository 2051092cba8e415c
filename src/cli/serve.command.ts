import type { Command } from 'commander';
import { describe } from './command-help.js';

export function addServeCommand(program: Command): void {
  describe(program.command('serve'), {
    summary: 'run the API and the background jobs',
    description:
      'Runs the roles named in APP_ROLES (all, if it is not set) until SIGINT or SIGTERM: the API, the refresher of ' +
      'history, the importer, the geocoder. Migrate the database first.',
    examples: { serve: 'GraphQL at http://127.0.0.1:3000/graphql, with the default HOST and PORT' },
  }).action(async () => {
    const [{ serve }, { runProcess }] = await Promise.all([import('../serve.js'), import('../process.js')]);
    await runProcess(async () => {
      const server = await serve(process.env);
      return () => server.close();
    });
  });
}
