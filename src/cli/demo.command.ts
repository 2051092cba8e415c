import type { Command } from 'commander';
import { runDemo } from '../demo/demo.js';
import { runProcess } from '../process.js';

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('start everything with a fleet of mock trackers, some of them moving, until Ctrl-C')
    .action(() => runProcess(() => runDemo(process.env)));
}
