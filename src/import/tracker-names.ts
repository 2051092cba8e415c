import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { TrackersService } from '../trackers/trackers.service.js';
import type { SourceReport } from './report-source.js';
import { TrackerDevicesRepository } from './tracker-devices.repository.js';

/** How an import assigns reports to trackers. */
export interface Assignment {
  /** Name of the tracker for all reports, whatever they say; it must exist. */
  tracker?: string | undefined;
  /** Hashed advertisement key for all reports, if the caller knows it. */
  hashedAdvKey?: string | undefined;
  /** Name of the device that sent all reports; an unknown one rejects the reports, it does not fail the import. */
  device?: string | undefined;
  /** Tracker names by the names that the source uses; they win over all other names, and the trackers must exist. */
  map?: ReadonlyMap<string, string> | undefined;
}

/** Bounds the cache: a file may contain a new name in every line. */
const MAX_CACHED = 50_000;

/** Resolves the names in a source to trackers: by tracker name, then by assigned device. */
@Injectable()
export class TrackerNames {
  constructor(
    private readonly trackers: TrackersService,
    private readonly devices: TrackerDevicesRepository,
  ) {}

  /** @throws DomainError `NOT_FOUND` that names the tracker which does not exist. */
  async keyFinder({ tracker, hashedAdvKey, device, map }: Assignment): Promise<KeyFinder> {
    const keyOfAll =
      hashedAdvKey ?? (tracker === undefined ? undefined : await this.keyOf(tracker, 'tracker'));
    const mapped = new Map<string, string>();
    for (const [name, target] of map ?? []) mapped.set(name, await this.keyOf(target, 'map'));
    const lookups = {
      keysOf: (names: readonly string[]) => this.keysOf(names),
      firstKeysOf: (keys: readonly string[]) => this.trackers.firstKeysOf(keys),
    };
    return new KeyFinder(lookups, keyOfAll, device, mapped);
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

/** Database lookups. */
interface Lookups {
  /** Hashed advertisement keys by tracker name or assigned device; unknown names are left out. */
  keysOf(names: readonly string[]): Promise<Map<string, string>>;
  /** The first key of the tracker that owns each further key; other keys are left out. */
  firstKeysOf(keys: readonly string[]): Promise<Map<string, string>>;
}

/** Finds the tracker key for each report of one import; looks up every name and key once. */
export class KeyFinder {
  /** By name; null for unknown names. */
  private keys: Map<string, string | null>;
  private firstKeys = new Map<string, string>();

  constructor(
    private readonly lookups: Lookups,
    private readonly keyOfAll: string | undefined,
    private readonly device: string | undefined,
    private readonly mapped: ReadonlyMap<string, string>,
  ) {
    this.keys = new Map(mapped);
  }

  /** Looks up the names and keys in these reports; call it before {@link keyOf}. */
  async lookUp(reports: readonly SourceReport[]): Promise<void> {
    if (this.keyOfAll !== undefined) return;
    if (this.keys.size > MAX_CACHED) this.keys = new Map(this.mapped);
    if (this.firstKeys.size > MAX_CACHED) this.firstKeys = new Map();
    const names = new Set<string>();
    const keys = new Set<string>();
    for (const report of reports) {
      const name = this.nameOf(report);
      if (name !== undefined && !this.keys.has(name)) names.add(name);
      const key = this.givenKeyOf(report);
      if (key !== undefined && !this.firstKeys.has(key)) keys.add(key);
    }
    if (names.size > 0) {
      const found = await this.lookups.keysOf([...names]);
      for (const name of names) this.keys.set(name, found.get(name) ?? null);
    }
    if (keys.size > 0) {
      const first = await this.lookups.firstKeysOf([...keys]);
      for (const key of keys) this.firstKeys.set(key, first.get(key) ?? key);
    }
  }

  /** Undefined when the report names no known tracker. */
  keyOf(report: SourceReport): string | undefined {
    if (this.keyOfAll !== undefined) return this.keyOfAll;
    const given = this.givenKeyOf(report);
    if (given !== undefined) return this.firstKeys.get(given) ?? given;
    const name = this.nameOf(report);
    return name === undefined ? undefined : (this.keys.get(name) ?? undefined);
  }

  /** The tracker or device that the report is assigned by. */
  nameOf(report: SourceReport): string | undefined {
    return this.device ?? report.tracker;
  }

  /** The report's own key; ignored when the caller has named the device. */
  private givenKeyOf(report: SourceReport): string | undefined {
    return this.device === undefined ? report.hashedAdvKey : undefined;
  }
}
