import type { Command } from 'commander';
import { describe } from './command-help.js';

export function addDemoCommand(program: Command): void {
  describe(program.command('demo'), {
    summary: 'run everything with mock trackers until Ctrl-C',
    description:
      'Runs all roles with a fleet of mock trackers, some of which move, until Ctrl-C. Without DATABASE_URL the data is ' +
      'stored in an embedded PostgreSQL in .data.',
    examples: { demo: 'then open http://127.0.0.1:3000/playground' },
  }).action(async () => {
    const [{ runDemo }, { runProcess }] = await Promise.all([
      import('../demo/demo.js'),
      import('../process.js'),
    ]);
    await runProcess(() => runDemo(process.env));
  });
}
