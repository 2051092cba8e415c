import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

/** A device: a name that sources use for a tracker. */
export interface AssignedDevice {
  device: string;
  trackerId: string;
}

/** Devices that are assigned to trackers. */
@Injectable()
export class TrackerDevicesRepository {
  constructor(private readonly db: DataSource) {}

  /** Hashed advertisement keys by device; unassigned devices are left out. One statement. */
  async keysOf(devices: readonly string[]): Promise<Map<string, string>> {
    const rows = await this.db.query<{ device: string; key: string }[]>(
      `SELECT d.device, t.hashed_adv_key AS key FROM tracker_devices AS d JOIN trackers AS t ON t.id = d.tracker_id
       WHERE d.device = ANY ($1)`,
      [devices],
    );
    return new Map(rows.map(({ device, key }) => [device, key]));
  }

  /** Returns devices ordered by name, starting after `after`. */
  find(after: string, limit: number): Promise<AssignedDevice[]> {
    return this.db.query(
      `SELECT device, tracker_id AS "trackerId" FROM tracker_devices WHERE device > $1 ORDER BY device LIMIT $2`,
      [after, limit],
    );
  }

  async assign(device: string, trackerId: string): Promise<void> {
    await this.db.query(
      `INSERT INTO tracker_devices (device, tracker_id) VALUES ($1, $2)
       ON CONFLICT (device) DO UPDATE SET tracker_id = excluded.tracker_id`,
      [device, trackerId],
    );
  }

  async unassign(device: string): Promise<void> {
    await this.db.query('DELETE FROM tracker_devices WHERE device = $1', [device]);
  }
}
