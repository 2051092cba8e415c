import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';
import type { Program } from './program.js';
import type { SoakRecord } from './record.js';
import type { Servers } from './servers.js';

const MIN_FAULT_MS = 1000;
const MAX_FAULT_MS = 20_000;
/** Longest pause between two faults. */
const MAX_PAUSE_MS = 12_000;
/** How long clients may still notice a fault after its end. */
const AFTERMATH_MS = 15_000;
/**
 * After this part of the soak the second program of each role is not ended any more, so that its memory can be
 * compared.
 */
const KEEP_RUNNING_AFTER = 1 / 3;

/** Injects a fault; returns a function that ends it. */
type Fault = () => Promise<() => Promise<void>>;

/** Random faults in two independent sequences: faults of the programs, and faults of the servers that they use. */
export class Faults {
  private active = 0;
  private lastEnd = -Infinity;
  private readonly stopping = new AbortController();
  private sequences: Promise<void>[] = [];

  constructor(
    private readonly servers: Servers,
    private readonly programs: readonly Program[],
    private readonly record: SoakRecord,
    private readonly print: (line: string) => void,
    /** The part of the soak that has passed, 0 to 1. */
    private readonly progress: () => number,
    private readonly signal: AbortSignal,
  ) {}

  get areActive(): boolean {
    return this.active > 0 || performance.now() - this.lastEnd < AFTERMATH_MS;
  }

  start(randomOf: (sequence: number) => Random): void {
    this.sequences = [
      this.runSequence(randomOf(0), (random) => this.programFault(random)),
      this.runSequence(randomOf(1), (random) => random.pick(this.serverFaults())),
    ].map((sequence) =>
      sequence.catch((error: unknown) => {
        if (!this.signal.aborted) this.record.fail('a fault could not be started or ended', error);
      }),
    );
  }

  /** Ends the active faults and starts no more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.sequences);
  }

  private async runSequence(random: Random, next: (random: Random) => [string, Fault]): Promise<void> {
    for (;;) {
      await this.pause(random.next() * MAX_PAUSE_MS);
      if (this.stopping.signal.aborted) return;
      const [name, start] = next(random);
      const ms = MIN_FAULT_MS + random.int(MAX_FAULT_MS - MIN_FAULT_MS);
      this.print(`fault: ${name}, ${(ms / 1000).toFixed(0)} s`);
      this.record.count('faults');
      this.record.count(`fault: ${name.replace(/ \S+-\d$/, '')}`);
      this.active++;
      try {
        const end = await start();
        await this.pause(ms);
        await end();
      } finally {
        this.active--;
        this.lastEnd = performance.now();
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.stopping.signal, this.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    this.signal.throwIfAborted();
  }

  private programFault(random: Random): [string, Fault] {
    const exited = this.programs.find((program) => program.hasExited);
    if (exited) return [`restart of ${exited.name}`, () => Promise.resolve(() => exited.start(this.signal))];
    const program = random.pick(this.programs);
    const keepRunning = this.progress() > KEEP_RUNNING_AFTER && program.name.endsWith('-2');
    const kind = keepRunning ? 'pause' : random.pick(['kill', 'terminate', 'pause'] as const);
    if (kind === 'pause') {
      return [
        `SIGSTOP of ${program.name}`,
        () => {
          program.send('SIGSTOP');
          return Promise.resolve(() => {
            program.send('SIGCONT');
            return Promise.resolve();
          });
        },
      ];
    }
    return [
      `${kind === 'kill' ? 'SIGKILL' : 'SIGTERM'} of ${program.name}`,
      async () => {
        await (kind === 'kill' ? program.kill() : program.terminate());
        return () => program.start(this.signal);
      },
    ];
  }

  private serverFaults(): [string, Fault][] {
    const { redis, bouncer } = this.servers;
    const nothing = (): Promise<void> => Promise.resolve();
    return [
      [
        'Redis is stopped',
        async () => {
          await redis.stop();
          return () => redis.start();
        },
      ],
      [
        'Redis is restarted',
        async () => {
          await redis.stop();
          await redis.start();
          return nothing;
        },
      ],
      [
        'Redis is flushed',
        async () => {
          await redis.client.flushall();
          return nothing;
        },
      ],
      [
        'pgbouncer is restarted',
        async () => {
          await bouncer.stop();
          return () => bouncer.start();
        },
      ],
      [
        'all sessions are terminated',
        async () => {
          await this.servers.terminateSessions();
          return nothing;
        },
      ],
    ];
  }
}
