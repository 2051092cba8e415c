import type { Command } from 'commander';
import type { AnswerFlags } from './answer.js';
import { addJsonOption, describe } from './command-help.js';
import type { AddTrackerFlags, ListTrackersFlags } from './trackers.actions.js';

export function addTrackersCommand(program: Command): void {
  const trackers = program
    .command('trackers')
    .summary('add, list and rename trackers')
    .description('Adds, lists and renames trackers.');
  const add = describe(trackers.command('add'), {
    summary: 'register a tracker',
    description:
      'Registers a tracker. Earlier reports with its key belong to it from now on. A tracker that advertises no key, such ' +
      'as a phone or a GPS logger, gets a random one.',
    examples: {
      'trackers add "My bike"': 'then import its files: tracker import --tracker "My bike" ride.gpx',
      'trackers add Bag --key "$(cat bag.hash)"': 'a BLE tracker, by its hashed advertisement key',
    },
  })
    .argument('<name>', 'unique name, 1 to 200 characters')
    .option('--key <hash>', 'its hashed advertisement key: base64 of the SHA-256, 32 bytes');
  addJsonOption(add).action(async (name: string, flags: AddTrackerFlags) =>
    (await import('./trackers.actions.js')).addTracker(name, flags),
  );
  const list = describe(trackers.command('list'), {
    summary: 'list trackers by name',
    examples: {
      'trackers list': 'all',
      'trackers list --filter bike --json': 'trackers with "bike" in the name, as JSON',
    },
  }).option('--filter <text>', 'only trackers whose name contains this text, ignoring case');
  addJsonOption(list).action(async (flags: ListTrackersFlags) =>
    (await import('./trackers.actions.js')).listTrackers(flags),
  );
  const rename = describe(trackers.command('rename'), {
    summary: 'rename a tracker; its history stays',
    examples: { 'trackers rename Bag "Blue bag"': 'reports must use the new name from now on' },
  })
    .argument('<name>', 'the current name')
    .argument('<new-name>', 'the new name');
  addJsonOption(rename).action(async (name: string, newName: string, flags: AnswerFlags) =>
    (await import('./trackers.actions.js')).renameTracker(name, newName, flags),
  );
}
