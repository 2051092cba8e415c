import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';

export function addDevicesCommand(program: Command): void {
  const devices = program
    .command('devices')
    .summary('map the device names of files and phones to trackers')
    .description('Maps names that files and phones use ("user/phone" of OwnTracks) to trackers.');
  const list = describe(devices.command('list'), {
    summary: 'list assigned devices with their trackers',
    examples: { 'devices list': 'sorted by name' },
  });
  addJsonOption(list).action(async (flags: AnswerFlags) =>
    (await import('./devices.actions.js')).listDevices(flags),
  );
  const assign = describe(devices.command('assign'), {
    summary: 'assign a device to a tracker',
    description:
      'Assigns a device to a tracker, even if another tracker had it. Reports that name the device belong to the tracker ' +
      'from now on; retry earlier ones with: tracker import retry --reason unknown_tracker',
    examples: { 'devices assign jane/phone "My bike"': "reports of Jane's phone belong to My bike" },
  })
    .argument('<device>', 'the name that the source uses')
    .argument('<tracker>', 'name of the tracker');
  addJsonOption(assign).action(async (device: string, tracker: string, flags: AnswerFlags) =>
    (await import('./devices.actions.js')).assignDevice(device, tracker, flags),
  );
  const unassign = describe(devices.command('unassign'), {
    summary: 'remove the assignment of a device',
    examples: { 'devices unassign jane/phone': 'reports that name it are rejected from now on' },
  }).argument('<device>', 'the name that the source uses');
  addJsonOption(unassign).action(async (device: string, flags: AnswerFlags) =>
    (await import('./devices.actions.js')).unassignDevice(device, flags),
  );
}
