import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { TrackersService } from '../trackers/trackers.service.js';
import type { SourceReport } from './report-source.js';
import { TrackerDevicesRepository } from './tracker-devices.repository.js';

/** How an import assigns reports to trackers. */
export interface Assignment {
  /** Name of the tracker for all reports, which overrides their own; it must exist. */
  tracker?: string | undefined;
  /** Hashed advertisement key for all reports, if the caller knows it. */
  hashedAdvKey?: string | undefined;
  /** Name of the device that sent all reports; if it is unknown, the reports are rejected and the import goes on. */
  device?: string | undefined;
  /** Tracker names by the names in the source; they take precedence over other names, and the trackers must exist. */
  map?: ReadonlyMap<string, string> | undefined;
}

/** Maximum number of cached names, and of keys: a file may contain a new name in every line. */
const MAX_CACHED = 50_000;

/** Resolves the names in a source to trackers: by tracker name, then by assigned device. */
@Injectable()
export class TrackerNames {
  constructor(
    private readonly trackers: TrackersService,
    private readonly devices: TrackerDevicesRepository,
  ) {}

  /** @throws DomainError `NOT_FOUND` that names the unknown tracker. */
  async keyFinder({ tracker, hashedAdvKey, device, map }: Assignment): Promise<KeyFinder> {
    const keyForAll =
      hashedAdvKey ?? (tracker === undefined ? undefined : await this.keyOf(tracker, 'tracker'));
    const mapped = new Map<string, string>();
    for (const [name, target] of map ?? []) mapped.set(name, await this.keyOf(target, 'map'));
    const lookups = {
      keysOf: (names: readonly string[]) => this.keysOf(names),
      firstKeysOf: (keys: readonly string[]) => this.trackers.firstKeysOf(keys),
    };
    return new KeyFinder(lookups, keyForAll, device, mapped);
  }

  /** Returns the key of a tracker by its name. @throws DomainError `NOT_FOUND` that names the argument. */
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
  /** First keys of trackers, by their additional keys; other keys are left out. */
  firstKeysOf(keys: readonly string[]): Promise<Map<string, string>>;
}

/** Finds the tracker key for each report of one import; looks up every name and key once. */
export class KeyFinder {
  /** Keys by name; null for unknown names. */
  private keys: Map<string, string | null>;
  private firstKeys = new Map<string, string>();

  constructor(
    private readonly lookups: Lookups,
    private readonly keyForAll: string | undefined,
    private readonly device: string | undefined,
    private readonly mapped: ReadonlyMap<string, string>,
  ) {
    this.keys = new Map(mapped);
  }

  /** Looks up the names and keys in these reports; call it before {@link keyOf}. */
  async lookUp(reports: readonly SourceReport[]): Promise<void> {
    if (this.keyForAll !== undefined) return;
    if (this.keys.size > MAX_CACHED) this.keys = new Map(this.mapped);
    if (this.firstKeys.size > MAX_CACHED) this.firstKeys = new Map();
    const names = new Set<string>();
    const keys = new Set<string>();
    for (const report of reports) {
      const name = this.nameOf(report);
      if (name !== undefined && !this.keys.has(name)) names.add(name);
      const key = this.ownKeyOf(report);
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

  /** Returns the tracker key of a report; undefined if it names no known tracker. */
  keyOf(report: SourceReport): string | undefined {
    if (this.keyForAll !== undefined) return this.keyForAll;
    const ownKey = this.ownKeyOf(report);
    if (ownKey !== undefined) return this.firstKeys.get(ownKey) ?? ownKey;
    const name = this.nameOf(report);
    return name === undefined ? undefined : (this.keys.get(name) ?? undefined);
  }

  /** Returns the name of the tracker or device by which the report is assigned. */
  nameOf(report: SourceReport): string | undefined {
    return this.device ?? report.tracker;
  }

  /** Returns the report's own key; it is ignored if the caller has named the device. */
  private ownKeyOf(report: SourceReport): string | undefined {
    return this.device === undefined ? report.hashedAdvKey : undefined;
  }
}
