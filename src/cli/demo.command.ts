import type { Command } from 'commander';

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('start everything with a fleet of mock trackers, some of them moving, until Ctrl-C')
    .action(async () => {
      const [{ runDemo }, { runProcess }] = await Promise.all([
        import('../demo/demo.js'),
        import('../process.js'),
      ]);
      await runProcess(() => runDemo(process.env));
    });
}
