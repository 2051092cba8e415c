import { readFileSync } from 'node:fs';
import { packagePath } from '../sql-files.js';

/** Version of this program, as in package.json, e.g. `0.2.0`. */
export const PROGRAM_VERSION = (
  JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
).version;
