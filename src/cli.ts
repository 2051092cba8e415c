#!/usr/bin/env node
import { buildProgram } from './cli/program.js';

// A reader such as `head` that has enough ends the command, as it ends others on Unix. Not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

await buildProgram().parseAsync();
