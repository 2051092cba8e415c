import type { INestApplicationContext } from '@nestjs/common';
import { validateInput } from '../common/validate-input.js';
import { AssignDeviceArgs } from '../import/dto/assign-device.args.js';
import { ImportModule } from '../import/import.module.js';
import { TrackerDevicesService } from '../import/tracker-devices.service.js';
import { TrackersService } from '../trackers/trackers.service.js';
import { answer, type AnswerFlags, table } from './answer.js';
import { trackerIdOf } from './tracker-by-name.js';
import { withContext } from './with-context.js';

interface ListedDevice {
  device: string;
  trackerId: string;
  tracker: string | null;
}

/** Devices per query. */
const PAGE = 1000;

/** `tracker devices list` */
export async function listDevices(flags: AnswerFlags): Promise<void> {
  const devices = await withContext(ImportModule, readAll, { writes: false });
  const rows = devices.map(({ device, tracker }) => [device, tracker ?? '-']);
  answer({ devices }, () => table([['device', 'tracker'], ...rows]), flags);
}

async function readAll(context: INestApplicationContext): Promise<ListedDevice[]> {
  const trackers = context.get(TrackersService, { strict: false });
  const devices: ListedDevice[] = [];
  for (let after = ''; ;) {
    const page = await context.get(TrackerDevicesService).list(after, PAGE);
    const owners = await trackers.findMany(page.map(({ trackerId }) => trackerId));
    devices.push(...page.map((one, i) => ({ ...one, tracker: owners[i]?.name ?? null })));
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return devices;
    after = last.device;
  }
}

/** `tracker devices assign` */
export async function assignDevice(device: string, tracker: string, flags: AnswerFlags): Promise<void> {
  const input = validateInput<AssignDeviceArgs>(AssignDeviceArgs, { device });
  await withContext(ImportModule, async (context) => {
    const trackerId = await trackerIdOf(context, tracker);
    await context.get(TrackerDevicesService).assign(input.device, trackerId);
    answer(
      { device, trackerId, tracker },
      `assigned ${JSON.stringify(device)} to ${JSON.stringify(tracker)}\n`,
      flags,
    );
  });
}

/** `tracker devices unassign` */
export async function unassignDevice(device: string, flags: AnswerFlags): Promise<void> {
  const input = validateInput<AssignDeviceArgs>(AssignDeviceArgs, { device });
  await withContext(ImportModule, async (context) => {
    await context.get(TrackerDevicesService).assign(input.device, null);
    answer(
      { device, trackerId: null, tracker: null },
      `${JSON.stringify(device)} has no tracker now\n`,
      flags,
    );
  });
}
