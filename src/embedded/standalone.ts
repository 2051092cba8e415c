/* istanbul ignore file -- the functions run from their own source text too, counters would break that */

/*
 * What the product and its watchdog share: who uses a cluster, who may change it now, and how it is stopped.
 *
 * The watchdog is a bare `node -e` that gets the source text of these functions (see watchdog.ts): it has to
 * run from dist as well as from sources that jest compiled in memory. Hence this module imports nothing, keeps
 * no module-level values, and its functions call nothing but each other and Node's built-in modules.
 */

/** The unprivileged user that PostgreSQL runs as; only needed when we are root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Everything needed to leave a cluster and to stop it. Plain data: it travels to the watchdog as JSON. */
export interface ClusterTask {
  /** Folder with `lock/`, `users/` and `watchdog.log`; absolute. */
  readonly runDir: string;
  /** Folder with `pgdata/`, `log/`, `password` and `server.conf`; absolute. */
  readonly clusterDir: string;
  /** A word in the command line of every process of this cluster (`cluster_name`), and of no other. */
  readonly token: string;
  readonly pgCtl: string;
  /** File name of this use in `users/`: `<pid>.<start>.<boot>.<random>`. */
  readonly user: string;
  readonly account?: Account;
}

export interface ProgramResult {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  /** stdout and stderr as they came. */
  readonly output: string;
}

export interface ClusterProcess {
  readonly pid: number;
  /** `starting`: pg_ctl or its shell; `postmaster`: the server or a child that was forked just now; `child`: the rest. */
  readonly kind: 'starting' | 'postmaster' | 'child';
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Runs a program to its end, in its own session: a Ctrl-C in the terminal goes to the foreground process group
 * and must not reach it. The environment is a clean one, so that PG*, LC_* and LD_* of the caller change nothing.
 *
 * @throws the error of spawn(2): ENOENT, EACCES, EPERM (may not become that user).
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { cwd?: string; account?: Account | undefined } = {},
): Promise<ProgramResult> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd ?? '/',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.account && { uid: options.account.uid, gid: options.account.gid }),
    });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}

/**
 * `<pid>.<start>.<boot>`: names a process for good, however often its number is given out again.
 *
 * Linux: field 22 of /proc/<pid>/stat (clock ticks since boot, proc(5)) and the boot's id; elsewhere `ps -o lstart`.
 * @returns undefined when the process is gone or a zombie.
 */
export async function identityOf(pid: number): Promise<string | undefined> {
  const fs = process.getBuiltinModule('node:fs').promises;
  if (process.platform !== 'linux') {
    const { output } = await runProgram('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
    const [state = '', ...started] = output.trim().split(/\s+/);
    return state === '' || state.startsWith('Z')
      ? undefined
      : `${pid}.${started.join('').replace(/\W/g, '')}.0`;
  }
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name in front may hold anything
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '0');
    return `${pid}.${fields[19] ?? ''}.${boot.slice(0, 8)}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error; // "cannot tell" must not pass for "is dead"
  }
}

/** The entries of a folder (`<prefix><pid>.<start>.<boot>.<random>`) whose process lives. Those of the dead are removed. */
export async function liveEntries(folder: string, prefix: RegExp): Promise<string[]> {
  const fs = process.getBuiltinModule('node:fs').promises;
  const live: string[] = [];
  for (const entry of await fs.readdir(folder)) {
    const kind = prefix.exec(entry)?.[0];
    if (kind === undefined) continue;
    const identity = entry.slice(kind.length).split('.').slice(0, 3).join('.');
    if ((await identityOf(Number.parseInt(identity, 10))) === identity) live.push(entry);
    else await fs.rm(`${folder}/${entry}`, { force: true });
  }
  return live;
}

/**
 * Runs `body` while no other process does so with the same folder.
 *
 * Lamport's bakery with files: nobody ever takes a lock away from its holder, so there is no moment in which two
 * could break the same stale lock; the tickets of dead processes just do not count. Node has no flock(2).
 *
 * @param onWait called with the tickets in front of ours, about every ten seconds.
 */
export async function withLock<T>(
  folder: string,
  onWait: (holders: string[]) => void,
  body: () => Promise<T>,
): Promise<T> {
  const fs = process.getBuiltinModule('node:fs').promises;
  const random = process.getBuiltinModule('node:crypto').randomBytes(6).toString('hex');
  const self = `${(await identityOf(process.pid)) ?? ''}.${random}`;
  let ticket = '';
  try {
    await fs.writeFile(`${folder}/choosing-${self}`, '', { flag: 'wx' });
    const taken = (await fs.readdir(folder)).map((entry) => Number(/^ticket-(\d+)-/.exec(entry)?.[1] ?? 0));
    const number = Math.max(0, ...taken) + 1;
    ticket = `ticket-${number}-${self}`;
    await fs.writeFile(`${folder}/${ticket}`, '', { flag: 'wx' });
    await fs.rm(`${folder}/choosing-${self}`);
    for (let round = 0; ; round++) {
      const before = await ticketsBefore(folder, number, self);
      if (before.length === 0) break;
      if (round % 200 === 199) onWait(before);
      await sleep(50);
    }
    return await body();
  } finally {
    await fs.rm(`${folder}/choosing-${self}`, { force: true });
    if (ticket !== '') await fs.rm(`${folder}/${ticket}`, { force: true });
  }
}

/** Who goes before us. Two listings on purpose: a number may only be read after its owner was seen to have chosen. */
export async function ticketsBefore(folder: string, number: number, self: string): Promise<string[]> {
  const choosing = await liveEntries(folder, /^choosing-/);
  if (choosing.length > 0) return choosing;
  return (await liveEntries(folder, /^ticket-\d+-/)).filter((entry) => {
    const [, theirs, owner] = /^ticket-(\d+)-(.*)$/.exec(entry) ?? [];
    return Number(theirs) < number || (Number(theirs) === number && String(owner) < self);
  });
}

/** Command lines of all processes, arguments separated by a space. Readable for everyone on Linux (/proc/<pid>/cmdline). */
export async function commandLines(): Promise<Map<number, string>> {
  const fs = process.getBuiltinModule('node:fs').promises;
  const commands = new Map<number, string>();
  if (process.platform !== 'linux') {
    const { output } = await runProgram('ps', ['-axww', '-o', 'pid=,command=']);
    for (const [, pid, command] of output.matchAll(/^ *(\d+) (.*)$/gm))
      commands.set(Number(pid), String(command));
    return commands;
  }
  for (const entry of await fs.readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await fs.readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => ''); // it ended meanwhile
    if (line !== '') commands.set(Number(entry), line.replaceAll('\0', ' ').trim());
  }
  return commands;
}

/** The processes of a cluster. By command line: /proc/<pid>/cwd and exe of another uid are closed to root in a container. */
export async function clusterProcesses(token: string): Promise<ClusterProcess[]> {
  const found: ClusterProcess[] = [];
  for (const [pid, command] of await commandLines()) {
    if (!command.includes(token)) continue;
    if (command.startsWith('postgres: ')) found.push({ pid, kind: 'child' });
    else if (command.includes('/postgres -D ')) found.push({ pid, kind: 'postmaster' });
    else if (/\/pg_ctl start |\/postgres" -D /.test(command)) found.push({ pid, kind: 'starting' });
  }
  return found;
}

/** Lines of postmaster.pid (1: process id, 4: port); empty when there is none. */
export async function pidFileLines(clusterDir: string): Promise<string[]> {
  const fs = process.getBuiltinModule('node:fs').promises;
  try {
    return (await fs.readFile(`${clusterDir}/pgdata/postmaster.pid`, 'latin1')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Process id of the running server: named by postmaster.pid, and really a server of this cluster. */
export async function runningPostmaster(
  task: Pick<ClusterTask, 'clusterDir' | 'token'>,
): Promise<number | undefined> {
  const pid = Number((await pidFileLines(task.clusterDir))[0]);
  const processes = await clusterProcesses(task.token);
  return processes.some((one) => one.kind === 'postmaster' && one.pid === pid) ? pid : undefined;
}

/**
 * Stops the server if it runs; a start that is under way is waited for, up to 15 seconds, and then stopped too.
 *
 * @throws Error with pg_ctl's words when the server does not stop.
 */
export async function stopServer(task: ClusterTask): Promise<void> {
  for (let round = 0; round < 150; round++) {
    if ((await runningPostmaster(task)) !== undefined) break;
    if (!(await clusterProcesses(task.token)).some(({ kind }) => kind !== 'child')) return;
    await sleep(100);
  }
  let last = '';
  for (const [mode, seconds] of [
    ['fast', '60'],
    ['immediate', '20'], // as safe as a crash: the next start recovers from the WAL
  ] as const) {
    const args = ['stop', '-D', 'pgdata', '-m', mode, '-w', '-t', seconds];
    const { output } = await runProgram(task.pgCtl, args, { cwd: task.clusterDir, account: task.account });
    for (let round = 0; round < 50; round++) {
      if ((await clusterProcesses(task.token)).length === 0) return; // pg_ctl only waits for postmaster.pid to go
      await sleep(100);
    }
    last = output;
  }
  throw new Error(`pg_ctl stop failed: ${last.trim()}`);
}

/** Gives up one use of a cluster; the last one stops the server. */
export async function releaseCluster(task: ClusterTask): Promise<void> {
  const fs = process.getBuiltinModule('node:fs').promises;
  const nobody = () => undefined;
  await withLock(`${task.runDir}/lock`, nobody, async () => {
    await fs.rm(`${task.runDir}/users/${task.user}`, { force: true });
    if ((await liveEntries(`${task.runDir}/users`, /^/)).length === 0) await stopServer(task);
  });
}

/**
 * The watchdog's program. stdin: the task as one line of JSON, then nothing until the using process
 * writes `released` (it has left by itself) or the pipe ends (it died, of whatever).
 */
export async function watchdog(): Promise<void> {
  const fs = process.getBuiltinModule('node:fs').promises;
  process.title = 'tracker-embedded-watchdog';
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  let input = '';
  try {
    for await (const chunk of process.stdin) input += String(chunk);
  } catch {
    // a reset of the pipe is its end, too
  }
  const [line = '', last] = input.split('\n');
  if (line === '' || last === 'released') return;
  const task = JSON.parse(line) as ClusterTask;
  await sleep(300); // a pg_ctl that was forked in the last moment shows in the process list by then
  try {
    await releaseCluster(task);
  } catch (error) {
    const text = `${new Date().toISOString()} ${String(error)}\n`;
    await fs.appendFile(`${task.runDir}/watchdog.log`, text).catch(() => undefined); // the folder may be gone
  }
}
