import { reportFromOwnTracks } from './owntracks-message.js';
import type { ItemPath } from '../json/json-reader.js';
import type { JsonFormat, Collect } from '../json/json.source.js';

/** Output of the Recorder's API and of `ocat`: `{"count": 2, "locations": [...]}`. */
export const OWNTRACKS_LOCATIONS = owntracks(['locations']);
export const OWNTRACKS_LIST = owntracks('list');
/** One or several messages, each of which may span lines. */
export const OWNTRACKS_MESSAGES = owntracks('document');

function owntracks(itemPath: ItemPath): JsonFormat {
  return { name: 'owntracks', itemPath, parse };
}

function parse(item: unknown, collect: Collect): void {
  collect(() => reportFromOwnTracks(item));
}
