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
    return new KeyFinder((names) => this.keysOf(names), all, device, known);
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

/** Keys of the trackers that reports of one import are of; every name is looked up once. */
export class KeyFinder {
  private keys: Map<string, string | null>;

  constructor(
    private readonly look: (names: readonly string[]) => Promise<Map<string, string>>,
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
    const unknown = new Set<string>();
    for (const report of reports) {
      const name = this.nameOf(report);
      if (name !== undefined && !this.keys.has(name)) unknown.add(name);
    }
    if (unknown.size === 0) return;
    const found = await this.look([...unknown]);
    for (const name of unknown) this.keys.set(name, found.get(name) ?? null);
  }

  /** Undefined of a report of nobody that is known. */
  keyOf(report: SourceReport): string | undefined {
    if (this.all !== undefined) return this.all;
    if (this.device === undefined && report.hashedAdvKey !== undefined) return report.hashedAdvKey;
    const name = this.nameOf(report);
    return name === undefined ? undefined : (this.keys.get(name) ?? undefined);
  }

  /** Who a report says it is of, or who sent it. */
  nameOf(report: SourceReport): string | undefined {
    return this.device ?? report.tracker;
  }
}
