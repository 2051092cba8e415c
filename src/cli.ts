#!/usr/bin/env node
import { buildProgram } from './cli/program.js';
import { EXIT } from './process.js';

// A reader such as `head` closes the pipe once it has enough lines: exit with success, as other Unix commands do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`Standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.failed);
});

await buildProgram().parseAsync();
