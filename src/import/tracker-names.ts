import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { TrackersService } from '../trackers/trackers.service.js';
import type { SourceReport } from './report-source.js';
import { TrackerDevicesRepository } from './tracker-devices.repository.js';

/** How the reports of an import are assigned to trackers. */
export interface Assignment {
  /** Name of the tracker that all reports are of, whatever they say; it must be registered. */
  tracker?: string | undefined;
  /** Hashed advertisement key that all reports are of, where the caller knows it. */
  hashedAdvKey?: string | undefined;
  /** Name of the device that sent all reports; one that is unknown is a reason to reject, not to fail. */
  device?: string | undefined;
  /** Names of trackers by what the source calls them, before all other names; the trackers must be registered. */
  map?: ReadonlyMap<string, string> | undefined;
}

/** Names remembered at a time: a file may make up a new one in every line. */
const REMEMBERED = 50_000;

/** Finds the trackers that names in a source mean: their own names, and those of devices assigned to them. */
@Injectable()
export class TrackerNames {
  constructor(
    private readonly trackers: TrackersService,
    private readonly devices: TrackerDevicesRepository,
  ) {}

  /** @throws DomainError `NOT_FOUND` that names the tracker which is not registered. */
  async finder({ tracker, hashedAdvKey, device, map }: Assignment): Promise<KeyFinder> {
    const all = hashedAdvKey ?? (tracker === undefined ? undefined : await this.keyOf(tracker, 'tracker'));
    const known = new Map<string, string>();
    for (const [name, target] of map ?? []) known.set(name, await this.keyOf(target, 'map'));
    const look = {
      keysOf: (names: readonly string[]) => this.keysOf(names),
      firstKeysOf: (keys: readonly string[]) => this.trackers.firstKeysOf(keys),
    };
    return new KeyFinder(look, all, device, known);
  }

  /** Key of a tracker by its name. @throws DomainError `NOT_FOUND` that names the argument. */
  async keyOf(name: string, argument: string): Promise<string> {
    const key = (await this.trackers.keysOf([name])).get(name);
    if (key === undefined) {
      throw new DomainError('NOT_FOUND', `There is no tracker named ${JSON.stringify(name)}`, {
        details: { argument },
      });
    }
    return key;
  }

  private async keysOf(names: readonly string[]): Promise<Map<string, string>> {
    const found = await this.trackers.keysOf(names);
    const others = names.filter((name) => !found.has(name));
    if (others.length > 0) {
      for (const [device, key] of await this.devices.keysOf(others)) found.set(device, key);
    }
    return found;
  }
}

/** Asks the database. */
interface Look {
  /** Keys of trackers by what a source calls them; what nobody is called is left out. */
  keysOf(names: readonly string[]): Promise<Map<string, string>>;
  /** The keys that reports of further keys are kept under; all others are left out. */
  firstKeysOf(keys: readonly string[]): Promise<Map<string, string>>;
}

/** Keys of the trackers that reports of one import are of; every name and key is looked up once. */
export class KeyFinder {
  private keys: Map<string, string | null>;
  private firstKeys = new Map<string, string>();

  constructor(
    private readonly look: Look,
    private readonly all: string | undefined,
    private readonly device: string | undefined,
    private readonly known: ReadonlyMap<string, string>,
  ) {
    this.keys = new Map(known);
  }

  /** Looks up what these reports name; {@link keyOf} can be asked of them then. */
  async learn(reports: readonly SourceReport[]): Promise<void> {
    if (this.all !== undefined) return;
    if (this.keys.size > REMEMBERED) this.keys = new Map(this.known);
    if (this.firstKeys.size > REMEMBERED) this.firstKeys = new Map();
    const names = new Set<string>();
    const keys = new Set<string>();
    for (const report of reports) {
      const name = this.nameOf(report);
      if (name !== undefined && !this.keys.has(name)) names.add(name);
      const key = this.givenKeyOf(report);
      if (key !== undefined && !this.firstKeys.has(key)) keys.add(key);
    }
    if (names.size > 0) {
      const found = await this.look.keysOf([...names]);
      for (const name of names) this.keys.set(name, found.get(name) ?? null);
    }
    if (keys.size > 0) {
      const first = await this.look.firstKeysOf([...keys]);
      for (const key of keys) this.firstKeys.set(key, first.get(key) ?? key);
    }
  }

  /** Undefined of a report of nobody that is known. */
  keyOf(report: SourceReport): string | undefined {
    if (this.all !== undefined) return this.all;
    const given = this.givenKeyOf(report);
    if (given !== undefined) return this.firstKeys.get(given) ?? given;
    const name = this.nameOf(report);
    return name === undefined ? undefined : (this.keys.get(name) ?? undefined);
  }

  /** The key that a report says it is of, unless somebody knows better. */
  private givenKeyOf(report: SourceReport): string | undefined {
    return this.device === undefined ? report.hashedAdvKey : undefined;
  }

  /** Who a report says it is of, or who sent it. */
  nameOf(report: SourceReport): string | undefined {
    return this.device ?? report.tracker;
  }
}
