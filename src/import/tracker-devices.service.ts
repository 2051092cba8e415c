import { Injectable } from '@nestjs/common';
import { TrackersService } from '../trackers/trackers.service.js';
import { type AssignedDevice, TrackerDevicesRepository } from './tracker-devices.repository.js';

/** Assigns devices, the names that sources use, to trackers. */
@Injectable()
export class TrackerDevicesService {
  constructor(
    private readonly devices: TrackerDevicesRepository,
    private readonly trackers: TrackersService,
  ) {}

  list(after: string | null | undefined, limit: number): Promise<AssignedDevice[]> {
    return this.devices.find(after ?? '', limit);
  }

  /**
   * Assigns a device to a tracker, replacing any earlier assignment; removes it when `trackerId` is null.
   *
   * @throws DomainError `NOT_FOUND`, `BAD_USER_INPUT`; both name the argument.
   */
  async assign(device: string, trackerId: string | null | undefined): Promise<void> {
    if (trackerId == null) await this.devices.unassign(device);
    else await this.devices.assign(device, (await this.trackers.get(trackerId)).id);
  }
}
