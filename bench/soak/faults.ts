import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/support/random.js';
import type { Program } from './program.js';
import type { SoakRecord } from './record.js';
import type { Servers } from './servers.js';

const SHORTEST_MS = 1000;
const LONGEST_MS = 20_000;
/** Between the end of one and the begin of the next. */
const PAUSE_MS = 12_000;
/** How long the consequences of one may be seen after its end. */
const AFTERMATH_MS = 15_000;
/** From this part of the soak on every second program of a role goes on to the end: its memory is to be compared. */
const LONG_LIVES_FROM = 1 / 3;

/** Does something bad, and gives back what ends it. */
type Fault = () => Promise<() => Promise<void>>;

/** Faults at random: one after the other of a program, and one after the other of what they stand on. */
export class Faults {
  private going = 0;
  private lastEnd = -Infinity;
  private readonly over = new AbortController();
  private lanes: Promise<void>[] = [];

  constructor(
    private readonly servers: Servers,
    private readonly programs: readonly Program[],
    private readonly record: SoakRecord,
    private readonly say: (line: string) => void,
    /** How much of the soak is over, 0 to 1. */
    private readonly progress: () => number,
    private readonly signal: AbortSignal,
  ) {}

  get areOn(): boolean {
    return this.going > 0 || performance.now() - this.lastEnd < AFTERMATH_MS;
  }

  start(random: (lane: number) => Random): void {
    this.lanes = [
      this.lane(random(0), (chance) => this.ofProgram(chance)),
      this.lane(random(1), (chance) => chance.pick(this.ofServers())),
    ].map((lane) =>
      lane.catch((error: unknown) => {
        if (!this.signal.aborted) this.record.fail('a fault could not be begun or ended', error);
      }),
    );
  }

  /** Lets the faults that are on come to their ends. */
  async stop(): Promise<void> {
    this.over.abort();
    await Promise.all(this.lanes);
  }

  private async lane(random: Random, next: (random: Random) => [string, Fault]): Promise<void> {
    for (;;) {
      await this.pause(random.next() * PAUSE_MS);
      if (this.over.signal.aborted) return;
      const [name, begin] = next(random);
      const ms = SHORTEST_MS + random.int(LONGEST_MS - SHORTEST_MS);
      this.say(`fault: ${name}, ${(ms / 1000).toFixed(0)} s`);
      this.record.count('faults');
      this.record.count(`fault: ${name.replace(/ \S+-\d$/, '')}`);
      this.going++;
      try {
        const end = await begin();
        await this.pause(ms);
        await end();
      } finally {
        this.going--;
        this.lastEnd = performance.now();
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.over.signal, this.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    this.signal.throwIfAborted();
  }

  private ofProgram(random: Random): [string, Fault] {
    const lost = this.programs.find((program) => program.isLost);
    if (lost) return [`start again ${lost.name}`, () => Promise.resolve(() => lost.start(this.signal))];
    const program = random.pick(this.programs);
    const isSpared = this.progress() > LONG_LIVES_FROM && program.name.endsWith('-2');
    const kind = isSpared ? 'stop' : random.pick(['kill', 'terminate', 'stop'] as const);
    if (kind === 'stop') {
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

  private ofServers(): [string, Fault][] {
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
