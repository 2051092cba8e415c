import { gzipSync } from 'node:zlib';
import { gpx } from './read-all.js';

/** For specs: a small file of each format, with its most common pitfalls. */
export interface Example {
  readonly format: string;
  readonly content: string;
  readonly reports: number;
  readonly rejected: number;
  /** The format has an end mark, so a truncation is detected. */
  readonly hasEndMark: boolean;
}

const FEATURE =
  '{"type":"Feature","geometry":{"type":"Point","coordinates":[10.7,53.86]},"properties":{"timestamp":"2025-06-17T08:30:00Z","horizontal_accuracy":30,"device_id":"Łódź","altitude":-12.5,"speed":4,"course":187.5,"battery_level":0.89,"motion":["driving","stationary"]}}';
const OWNTRACKS =
  '{"_type":"location","lat":53.86,"lon":10.7,"tst":1709283789,"acc":10,"topic":"owntracks/jane/phone","tid":"ja","alt":36,"vac":3,"vel":5,"cog":98,"batt":94,"motionactivities":["walking"]}';

export const EXAMPLES: Readonly<Record<string, Example>> = {
  ndjson: {
    format: 'ndjson',
    content:
      '{"timestamp":"2025-06-17T08:30:00.5+02:00","latitude":53.86,"longitude":10.7,"tracker":"Schlüssel","status":0,"altitude":-3.5,"speed":1.25}\n' +
      '{"timestamp":1709283789.5,"latitude":-1e-3,"longitude":180,"hashedAdvKey":"q83v","confidence":3,"course":359.9,"battery":87,"motion":"cycling"}\r\n' +
      '{"timestamp":"2025-06-17T08:30:00Z","latitude":53,"longitude":10,"horizontalAccuracy":12.5,"nearestCity":"Łódź"}\n',
    reports: 3,
    rejected: 0,
    hasEndMark: false,
  },
  gpx: {
    format: 'gpx',
    content: gpx(
      '<!-- walk --><wpt lat="1" lon="2"><name>A &amp; Ö</name></wpt><trk><name><![CDATA[x]]></name><trkseg>' +
        '<trkpt lat="53.86" lon="10.70"><ele>54.5</ele><time>2025-05-30T22:00:24.674Z</time></trkpt>\n' +
        '<trkpt lat="53.87" lon="10.71"><time>2025-05-30T22:00:55</time><speed>1.5</speed><course>360</course><extensions><a:hacc>4.5</a:hacc><b:speed>1.5</b:speed><b:battery>87</b:battery></extensions></trkpt>' +
        '<trkpt lat="53.88" lon="10.72"></trkpt></trkseg></trk>',
    ),
    reports: 2,
    rejected: 2,
    hasEndMark: true,
  },
  csv: {
    format: 'csv',
    content:
      '\uFEFF"Device ID";fixTime;"latitude";longitude;accuracy;altitude (ft);speed_kmh;battery;motion;note\r\n' +
      'Łódź;2025-06-17T08:30:00Z;53,86;10,7;12,5;100;3,6;94;walking;"two\r\nlines; and ""quotes"""\r\n\r\n' +
      'b;1709283789;52.5° N;13.4° W;;-1;fast;255;;\n"c";2025-06-17 08:30:00;1;2;3;;;;;no zone\nd;1709283790;52;13;4;5;6;7;STILL;last\n',
    reports: 3,
    rejected: 1,
    hasEndMark: false,
  },
  'GeoJSON collection': {
    format: 'geojson',
    content:
      `{"features":[${FEATURE},\n{"type":"Feature","properties":{"coordTimes":["2025-06-17T08:30:00Z",1709283789]},` +
      '"geometry":{"type":"LineString","coordinates":[[10.7,53.86,1.5],[10.8,53.87]]}},\n' +
      '{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[1,2],[3,4]]}}],"type":"FeatureCollection"}',
    reports: 3,
    rejected: 1,
    hasEndMark: true,
  },
  'GeoJSON features': {
    format: 'geojson',
    content: `${FEATURE}\n${FEATURE}\n`,
    reports: 2,
    rejected: 0,
    hasEndMark: false,
  },
  '.rec': {
    format: 'owntracks',
    content:
      `2024-03-01T09:03:09Z\t*                 \t${OWNTRACKS}\n` +
      '2024-03-01T18:40:08Z\tlwt               \t{"_type":"lwt","tst":1717459208}\n' +
      `2024-03-01T09:03:09Z  *                   ${OWNTRACKS}\n`,
    reports: 2,
    rejected: 1,
    hasEndMark: false,
  },
  'OwnTracks list': {
    format: 'owntracks',
    content: `[${OWNTRACKS},{"_type":"encrypted","data":"x"}]`,
    reports: 1,
    rejected: 1,
    hasEndMark: true,
  },
  ocat: {
    format: 'owntracks',
    content: `{"count":2,"locations":[${OWNTRACKS},\n${OWNTRACKS}]}`,
    reports: 2,
    rejected: 0,
    hasEndMark: true,
  },
  overland: {
    format: 'overland',
    content: `{"locations":[${FEATURE},{"type":"Feature","properties":{"timestamp":"2024-07-07T17:46:39Z"}},${FEATURE}]}`,
    reports: 2,
    rejected: 1,
    hasEndMark: true,
  },
  records: {
    format: 'google-records',
    content:
      '{\n  "locations": [{\n    "latitudeE7": 525121303,\n    "longitudeE7": 4160657746,\n    "accuracy": 25,\n    "altitude": 42, "velocity": 3, "heading": 350,\n    "deviceTag": -335552189,\n' +
      '    "timestamp": "2013-04-15T06:31:26.860Z"\n  }, {"timestampMs":"1366007486860","activity":[{"activity":[{"type":"STILL"}]}]},\n' +
      '  {"timestampMs":"1366007486860","latitudeE7":-1,"longitudeE7":1,"activity":[{"activity":[{"type":"TILTING","confidence":100},{"type":"STILL","confidence":70}]}]}]\n}',
    reports: 2,
    rejected: 1,
    hasEndMark: true,
  },
  android: {
    format: 'google-timeline',
    content:
      '{"semanticSegments":[{"startTime":"2024-03-01T09:00:00.000+01:00","endTime":"2024-03-01T11:00:00.000+01:00","timelinePath":[' +
      '{"point":"52.1°, 13.4°","time":"2024-03-01T09:03:00.000+01:00"},{"point":"52.2°, -13.5°","time":"2024-03-01T09:04:00.000+01:00"}]},\n' +
      '{"startTime":"2024-03-01T09:00:00Z","endTime":"2024-03-01T11:00:00Z","visit":{"topCandidate":{"placeLocation":{"latLng":"52°, 13°"}}}}],\n' +
      '"rawSignals":[{"position":{"LatLng":"52.1°, 13.4°","accuracyMeters":12,"altitudeMeters":3.5,"speedMetersPerSecond":1.25,"timestamp":"2024-03-01T09:03:09.000+01:00"}},{"wifiScan":{}}],' +
      '"userLocationProfile":{"frequentPlaces":[{"placeLocation":"1°, 2°"}]}}',
    reports: 3,
    rejected: 2,
    hasEndMark: true,
  },
  ios: {
    format: 'google-timeline',
    content:
      '[{"endTime":"2024-03-01T11:00:00.000+01:00","startTime":"2024-03-01T09:00:00.000+01:00","timelinePath":[' +
      '{"point":"geo:52.1,13.4","durationMinutesOffsetFromStartTime":"3"}]},\n{"startTime":"2024-03-01T08:00:00Z","endTime":"2024-03-01T08:30:00Z",' +
      '"activity":{"start":"geo:52.1,13.4","end":"geo:52.2,13.5","probability":"0.9"}}]',
    reports: 3,
    rejected: 0,
    hasEndMark: true,
  },
};

/** Each example, plain and compressed. */
export const EXAMPLE_FILES = Object.entries(EXAMPLES).flatMap(([name, example]) => [
  { ...example, name, bytes: Buffer.from(example.content) },
  { ...example, name: `${name}, gzip`, bytes: gzipSync(example.content), hasEndMark: true },
]);
