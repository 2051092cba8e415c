/** Writes sql/migrations/checksums.txt, in the format of sha256sum. For a new step only: released ones are frozen. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', 'sql', 'migrations');
const lines = readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith('.sql'))
  .sort()
  .map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex')}  ${name}\n`,
  );
writeFileSync(join(folder, 'checksums.txt'), lines.join(''));
