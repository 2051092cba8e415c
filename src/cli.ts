#!/usr/bin/env node
import { buildProgram } from './cli/program.js';

// A reader such as `head` closes the pipe once it has enough lines: exit with success, as other Unix commands do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

await buildProgram().parseAsync();
