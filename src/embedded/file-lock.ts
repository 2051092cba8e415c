import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The part of fs-native-extensions that is used here; the package has no types. */
interface NativeLocks {
  tryLock(fd: number, options: { shared: boolean }): boolean;
  waitForLock(fd: number, options: { shared: boolean }): Promise<void>;
  unlock(fd: number): void;
}

const POLL_MS = 50;
const REPORT_MS = 10_000;

/**
 * A kernel lock on an open file. The kernel releases it when the process ends, however it ends, so it is never stale.
 * Linux: open file description locks (fcntl(2)); macOS: flock(2).
 */
export class FileLock {
  private constructor(
    private readonly file: FileHandle,
    private readonly native: NativeLocks,
  ) {}

  /** Opens a lock file, created if needed, without locking it. */
  static async open(path: string): Promise<FileLock> {
    const native = createRequire(import.meta.url)('fs-native-extensions') as NativeLocks; // optional: loaded on use
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    try {
      const file = await open(path, O_RDWR | O_CREAT | O_EXCL, 0o600);
      const { uid, gid } = await stat(dirname(path));
      if (process.getuid?.() === 0) await file.chown(uid, gid); // the owner of the folder has to open it too
      return new FileLock(file, native);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return new FileLock(await open(path, O_RDWR | O_NOFOLLOW), native);
    }
  }

  /** Locks it unless another process holds a conflicting lock; changes the mode of a lock that is already held. */
  tryLock(mode: 'shared' | 'exclusive'): boolean {
    return this.native.tryLock(this.file.fd, { shared: mode === 'shared' });
  }

  /**
   * Locks it as soon as no other process holds a conflicting lock. Polls, because a thread that waits in the kernel
   * would keep the process from exiting.
   *
   * @param onWait called about every ten seconds.
   */
  async lock(mode: 'shared' | 'exclusive', onWait: () => void = () => undefined): Promise<void> {
    for (let waited = 0; !this.tryLock(mode); waited += POLL_MS) {
      if (waited % REPORT_MS === REPORT_MS - POLL_MS) onWait();
      await sleep(POLL_MS);
    }
  }

  /** Like `lock('exclusive')`, but waits in the kernel and costs no CPU. The process cannot exit meanwhile. */
  waitUntilExclusive(): Promise<void> {
    return this.native.waitForLock(this.file.fd, { shared: false });
  }

  unlock(): void {
    this.native.unlock(this.file.fd);
  }

  /** Unlocks it and closes the file. */
  close(): Promise<void> {
    return this.file.close();
  }
}
