import { readFile } from 'node:fs/promises';
import { DomainError } from '../common/errors/domain-error.js';
import { type Account, runProgram } from './standalone.js';

/** Users that many systems have, whose purpose is to own nothing much; `postgres` first, it is meant for this. */
const PREFERRED = ['postgres', 'nobody', 'daemon'];

/** The entries of /etc/passwd (passwd(5)) apart from root's. macOS gives `nobody` the uid -2, which spawn refuses. */
async function knownAccounts(passwdFile: string): Promise<Account[]> {
  const lines = (await readFile(passwdFile, 'utf8')).split('\n');
  return lines
    .map((line) => line.split(':'))
    .map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number(uid || NaN), gid: Number(gid || NaN) }))
    .filter(({ uid, gid }) => uid > 0 && gid >= 0);
}

/**
 * The unprivileged user that PostgreSQL, which refuses to run as root, shall run as.
 *
 * It has to be in /etc/passwd: initdb looks its own uid up there. That we may really become that user is tried:
 * root of a container may not be allowed to.
 *
 * @throws DomainError `UNAVAILABLE` when there is none.
 */
export async function unprivilegedAccount(passwdFile = '/etc/passwd'): Promise<Account> {
  const known = await knownAccounts(passwdFile).catch(() => []);
  const preferred = PREFERRED.flatMap((name) => known.filter((account) => account.name === name));
  const problems: string[] = [];
  for (const account of new Set([...preferred, ...known])) {
    try {
      await runProgram('/bin/sh', ['-c', ':'], { account });
      return account;
    } catch (error) {
      problems.push(`${account.name}: ${String(error)}`);
    }
  }
  throw new DomainError(
    'UNAVAILABLE',
    'PostgreSQL refuses to run as root, and there is no other user that it could run as ' +
      `(${problems.slice(0, 3).join('; ') || `${passwdFile} names none`}). Set DATABASE_URL, or run as another user.`,
  );
}

/** The account of a uid that owns data already, whether or not /etc/passwd (still) names it. */
export async function accountOf(owner: { uid: number; gid: number }): Promise<Account> {
  const known = await knownAccounts('/etc/passwd').catch(() => []);
  const name = known.find(({ uid }) => uid === owner.uid)?.name ?? `uid ${owner.uid}`;
  return { uid: owner.uid, gid: owner.gid, name };
}

/** Whether the account may enter a folder; tried, so that access lists and mounts count as well. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  const { code } = await runProgram('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], { account });
  return code === 0;
}
