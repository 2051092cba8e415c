/** Describes inputs that cannot be imported. */

export const SUPPORTED_FORMATS =
  'supported formats are NDJSON, CSV, GPX, GeoJSON, OwnTracks (.rec and JSON), Overland, Google Records.json and Google Timeline, ' +
  'also compressed with gzip';

const SIGNATURES: readonly (readonly [bytes: string, what: string])[] = [
  ['504b0304', 'a zip archive (KMZ files and Google Takeout downloads are): unpack it first'],
  ['1f8b', 'gzip within gzip: decompress it once'],
  ['fffe', 'UTF-16 text: save it as UTF-8'],
  ['feff', 'UTF-16 text: save it as UTF-8'],
  ['3c00', 'UTF-16 text: save it as UTF-8'],
  ['003c', 'UTF-16 text: save it as UTF-8'],
  ['7b00', 'UTF-16 text: save it as UTF-8'],
  ['007b', 'UTF-16 text: save it as UTF-8'],
  ['89504e47', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['25504446', 'a PDF document'],
  ['53514c69746520666f726d6174203300', 'an SQLite database'],
  ['425a68', 'bzip2 data: decompress it first'],
  ['fd377a585a00', 'xz data: decompress it first'],
  ['28b52ffd', 'zstd data: decompress it first'],
  ['377abcaf271c', 'a 7z archive: unpack it first'],
];

const ROOTS: Readonly<Record<string, string>> = {
  kml: 'a KML file',
  trainingcenterdatabase: 'a Garmin TCX file',
  html: 'an HTML page (perhaps a login or error page saved in place of the file)',
  osm: 'an OpenStreetMap file',
  plist: 'an Apple property list',
  rss: 'a news feed',
  feed: 'a news feed',
  svg: 'an SVG image',
};

/** Describes a binary file, or text in another encoding, by its first bytes; undefined for anything else. */
export function describeBinary(head: Buffer): string | undefined {
  const hex = head.subarray(0, 16).toString('hex');
  if (head.subarray(8, 12).toString('latin1') === '.FIT') {
    return 'a Garmin FIT file';
  }
  return SIGNATURES.find(([bytes]) => hex.startsWith(bytes))?.[1];
}

/** Describes an XML document that is not GPX. @param root local name of its root element. */
export function describeXml(root: string): string {
  const lower = root.toLowerCase();
  return (
    (Object.hasOwn(ROOTS, lower) ? ROOTS[lower] : undefined) ??
    `an XML document of another kind (<${root.slice(0, 40)}>)`
  );
}

/**
 * Describes text that is neither JSON nor XML.
 *
 * @param table description of the text if it looks like a table.
 */
export function describeText(text: string, table: string | undefined): string {
  if (text.includes('\0')) {
    return 'binary data';
  }
  if (text.startsWith('$G')) {
    return 'an NMEA log';
  }
  return table ?? (text.includes('\uFFFD') ? 'binary data' : 'text in an unknown format');
}
