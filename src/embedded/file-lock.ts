import { type FileHandle, open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../common/errors/domain-error.js';

/** The part of fs-native-extensions that is used here; the package has no types. */
interface NativeLocks {
  tryLock(fd: number, options: { shared: boolean }): boolean;
  waitForLock(fd: number, options: { shared: boolean }): Promise<void>;
  unlock(fd: number): void;
}

const POLL_MS = 50;
const REPORT_MS = 10_000;

/**
 * A lock that the kernel keeps: it belongs to this open file and ends with the process, whatever ended that. So no
 * lock is ever stale. Linux: open file description locks (fcntl(2)); macOS: flock(2).
 */
export class FileLock {
  private constructor(
    private readonly file: FileHandle,
    private readonly native: NativeLocks,
  ) {}

  /** Opens a lock file, made if needed, without locking it. */
  static async open(path: string): Promise<FileLock> {
    const native = nativeLocks();
    const file = await open(path, 'a+', 0o666);
    // A file that root makes must stay usable for the owner of the folder, whatever the umask was.
    if (process.getuid?.() === 0) await file.chmod(0o666);
    return new FileLock(file, native);
  }

  /** Locks it if no other process is in the way. A lock that is held already changes its mode. */
  tryLock(mode: 'shared' | 'exclusive'): boolean {
    return this.native.tryLock(this.file.fd, { shared: mode === 'shared' });
  }

  /**
   * Locks it as soon as no other process is in the way. Polls: a thread that waits in the kernel would keep the
   * process from exiting.
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

/** Loaded on use: the package is optional, like the embedded server itself. */
function nativeLocks(): NativeLocks {
  try {
    return createRequire(import.meta.url)('fs-native-extensions') as NativeLocks;
  } catch (error) {
    throw new DomainError(
      'UNAVAILABLE',
      'The embedded PostgreSQL needs the package fs-native-extensions, which cannot be loaded ' +
        '(npm ci --omit=optional?). Set DATABASE_URL to a PostgreSQL 15+ server instead.',
      { cause: error },
    );
  }
}
