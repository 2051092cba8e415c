import { OWNTRACKS_LIST, OWNTRACKS_LOCATIONS, OWNTRACKS_MESSAGES } from '../owntracks/owntracks-documents.js';
import { GEOJSON_COLLECTION, GEOJSON_FEATURES, GEOJSON_LIST } from './geojson.js';
import { GOOGLE_RECORDS } from './google-records.js';
import { GOOGLE_TIMELINE_ANDROID, GOOGLE_TIMELINE_IOS } from './google-timeline.js';
import type { JsonOutline, ObjectOutline } from './json-outline.js';
import type { JsonFormat } from './json.source.js';
import { OVERLAND } from './overland.js';

const GEOJSON_TYPES = [
  'Feature',
  'Point',
  'MultiPoint',
  'LineString',
  'MultiLineString',
  'Polygon',
  'MultiPolygon',
  'GeometryCollection',
];
const MAX_KEYS_SHOWN = 8;

/**
 * Detects the kind of document by its keys, in any order.
 *
 * @returns undefined if the outline is not sufficient (yet).
 */
export function jsonFormatOf({ root, object, lists, complete }: JsonOutline): JsonFormat | undefined {
  if (root === 'list') {
    return listFormatOf(lists.get('') ?? object);
  }
  if (lists.has('semanticSegments') || lists.has('rawSignals')) {
    return GOOGLE_TIMELINE_ANDROID;
  }
  const locations = lists.get('locations');
  if (locations) {
    return locationsFormatOf(locations, object.keys, complete);
  }
  if (lists.has('features') || object.type === 'FeatureCollection') {
    return GEOJSON_COLLECTION;
  }
  if (object.keys.has('_type')) {
    return OWNTRACKS_MESSAGES;
  }
  return isGeoJson(object) ? GEOJSON_FEATURES : undefined;
}

/** Describes a document of an unsupported kind. */
export function describeJson({ root, object, lists }: JsonOutline): string {
  const { keys } = root === 'list' ? (lists.get('') ?? object) : object;
  if (keys.has('privateKey')) {
    return 'a list of accessories with their private keys: keep it secret, and import it with `tracker keys import`';
  }
  if (keys.has('timelineObjects')) {
    return 'a Google Semantic Location History JSON document (import Records.json of the same download)';
  }
  if (root === 'list') {
    return 'a JSON list (for NDJSON, write each object on its own line, without surrounding brackets)';
  }
  const shown = [...keys].slice(0, MAX_KEYS_SHOWN).map((key) => JSON.stringify(key.slice(0, 40)));
  const all = shown.join(', ') + (keys.size > shown.length ? ', …' : '');
  return `a JSON document of an unknown kind${all && ` (with the keys ${all})`}`;
}

function listFormatOf(element: ObjectOutline): JsonFormat | undefined {
  const { keys } = element;
  if (keys.has('_type')) {
    return OWNTRACKS_LIST;
  }
  if (keys.has('timelinePath') || (keys.has('startTime') && keys.has('endTime'))) {
    return GOOGLE_TIMELINE_IOS;
  }
  return isGeoJson(element) ? GEOJSON_LIST : undefined;
}

/** Google, Overland and the OwnTracks Recorder all name their list `locations`. */
function locationsFormatOf(
  { keys, type }: ObjectOutline,
  documentKeys: ReadonlySet<string>,
  complete: boolean,
): JsonFormat | undefined {
  if (type === 'Feature' || keys.has('geometry') || keys.has('properties')) {
    return OVERLAND;
  }
  if (keys.has('latitudeE7') || keys.has('longitudeE7') || keys.has('timestampMs') || keys.has('deviceTag')) {
    return GOOGLE_RECORDS;
  }
  if (keys.has('_type') || keys.has('tst') || (keys.has('lat') && keys.has('lon'))) {
    return OWNTRACKS_LOCATIONS;
  }
  // There is no location to inspect; only the Recorder writes `count` beside the list.
  return complete ? (documentKeys.has('count') ? OWNTRACKS_LOCATIONS : OVERLAND) : undefined;
}

function isGeoJson({ keys, type }: ObjectOutline): boolean {
  return (
    (type !== undefined && GEOJSON_TYPES.includes(type)) || (keys.has('geometry') && keys.has('properties'))
  );
}
