import { readFile } from 'node:fs/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { type Account, runProgram } from './run-program.js';

/** Users that almost every system has and that own hardly any files. */
const PREFERRED = ['postgres', 'nobody', 'daemon'];

/** The entries of /etc/passwd (passwd(5)) except root. macOS gives `nobody` the uid -2, which spawn refuses. */
async function knownAccounts(): Promise<Account[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number(uid || NaN), gid: Number(gid || NaN) }))
    .filter(({ uid, gid }) => uid > 0 && gid >= 0);
}

/**
 * Finds an unprivileged user to run PostgreSQL as, which refuses to run as root. Runs a program as that user first,
 * because root of a container may lack the right to switch users.
 *
 * @throws DomainError `UNAVAILABLE` when there is none.
 */
export async function unprivilegedAccount(): Promise<Account> {
  const known = await knownAccounts();
  for (const account of PREFERRED.flatMap((name) => known.filter((one) => one.name === name))) {
    const works = await runProgram('/bin/sh', ['-c', ':'], { account }).catch(() => undefined);
    if (works) return account;
  }
  throw new DomainError(
    'UNAVAILABLE',
    `PostgreSQL refuses to run as root, and it cannot run as one of the users ${PREFERRED.join(', ')} here. ` +
      'Set DATABASE_URL, or run as another user.',
  );
}

/** The account of a uid that already owns data, whether or not /etc/passwd (still) names it. */
export async function accountOf({ uid, gid }: { uid: number; gid: number }): Promise<Account> {
  const name = (await knownAccounts()).find((account) => account.uid === uid)?.name;
  return { uid, gid, name: name ?? `uid ${uid}` };
}

/**
 * Whether the account may enter a folder. Runs a program as the account, because access lists and mount options count
 * too.
 */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  const { code } = await runProgram('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], { account });
  return code === 0;
}
