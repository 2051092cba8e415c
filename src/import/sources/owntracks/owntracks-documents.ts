import { reportFromOwnTracks } from './owntracks-message.js';
import type { ItemPlaces } from '../json/json-reader.js';
import type { JsonFormat, Take } from '../json/json.source.js';

/** What the Recorder answers, and `ocat` prints: `{"count": 2, "locations": [...]}`. */
export const OWNTRACKS_LOCATIONS = owntracks(['locations']);
export const OWNTRACKS_LIST = owntracks('list');
/** A message that is written on several lines, or several of them. */
export const OWNTRACKS_MESSAGES = owntracks('document');

function owntracks(places: ItemPlaces): JsonFormat {
  return { name: 'owntracks', places, decode };
}

function decode(item: unknown, take: Take): void {
  take(() => reportFromOwnTracks(item));
}
