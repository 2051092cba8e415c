import { csvLayoutOf, incompleteTable, type CsvLayout } from './csv/csv-layout.js';
import { describeText, describeXml, describeBinary } from './unsupported.js';
import { describeJson, jsonFormatOf } from './json/json-format.js';
import { type JsonOutline, outlineOf } from './json/json-outline.js';
import type { JsonFormat } from './json/json.source.js';
import { OWNTRACKS_MESSAGES } from './owntracks/owntracks-documents.js';
import { isRecLine } from './owntracks/owntracks-line.js';

/** The format of an input, detected by its beginning. */
export type DetectedFormat =
  | { readonly format: 'ndjson' | 'gpx' | 'owntracks-lines' }
  | { readonly format: 'csv'; readonly layout: CsvLayout }
  | { readonly format: 'json'; readonly document: JsonFormat }
  | { readonly unsupported: string };

/** Number of bytes after which the format must be decided. */
const ENOUGH = 4096;
/** The same for JSON, whose keys may come in any order. */
const ENOUGH_JSON = 65_536;
const MAX_WHITE_SPACE = 65_536;
const NDJSON: DetectedFormat = { format: 'ndjson' };
/** Lines to try in formats with one item per line, whose first lines may be truncated or invalid. */
const MAX_WRONG_LINES = 5;

/** Markup that may precede the root element of an XML document. */
const PROLOGUE: readonly (readonly [begin: string, end: RegExp])[] = [
  ['<?', /\?>/],
  ['<!--', /-->/],
  ['<!', /^[^>[]*(?:\[[^\]]*\][^>]*)?>/],
];

const NDJSON_FIELDS = ['timestamp', 'latitude', 'longitude', 'tracker', 'hashedAdvKey'];

/**
 * Detects the format of an input by its content; downloads and uploads lose or change file names.
 *
 * @param head the first bytes, decompressed.
 * @param ended whether there are no more bytes.
 * @returns undefined while more bytes are needed; never when `ended`.
 */
export function detectFormat(head: Buffer, ended: boolean): DetectedFormat | undefined {
  const signature = describeBinary(head);
  if (signature !== undefined) {
    return { unsupported: signature };
  }
  const text = head.toString('utf8').replace(/^\uFEFF/, '');
  const trimmed = text.trimStart();
  const enough = ended || head.length >= ENOUGH;
  switch (trimmed.charAt(0)) {
    case '':
      return blank(head, ended);
    case '{':
      return withTruncation(jsonObject(trimmed, ended || head.length >= ENOUGH_JSON), ended, text);
    case '[':
      return withTruncation(jsonList(trimmed, ended || head.length >= ENOUGH_JSON), ended, text);
    case '<':
      return xml(trimmed.slice(0, ENOUGH), enough);
    default:
      return lines(text.slice(0, ENOUGH), enough);
  }
}

function blank(head: Buffer, ended: boolean): DetectedFormat | undefined {
  if (ended) {
    return { unsupported: head.length === 0 ? 'an empty file' : 'a file of white space only' };
  }
  return head.length < MAX_WHITE_SPACE
    ? undefined
    : { unsupported: `${MAX_WHITE_SPACE} bytes of white space` };
}

/** Adds a truncation to the description of unknown JSON, which may be unknown only because the rest is missing. */
function withTruncation(
  verdict: DetectedFormat | undefined,
  ended: boolean,
  text: string,
): DetectedFormat | undefined {
  if (!ended || verdict === undefined || !('unsupported' in verdict)) {
    return verdict;
  }
  const { complete, broken } = outlineOf(text);
  if (complete || broken) {
    return verdict;
  }
  const lines = text.split('\n');
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return {
    unsupported: `${verdict.unsupported}, and the file ends within it at line ${lines.length}, column ${column}: the file is truncated`,
  };
}

function jsonObject(text: string, final: boolean, tries = MAX_WRONG_LINES): DetectedFormat | undefined {
  const lineEnd = text.indexOf('\n');
  const line = (lineEnd === -1 ? text : text.slice(0, lineEnd)).trim();
  if (lineEnd === -1 && !final) {
    return documentWithList(text);
  }
  const outline = outlineOf(text);
  const { keys } = outline.object;
  const document = jsonFormatOf(outline);
  if (document && (document.itemPath !== 'document' || keys.has('geometry'))) {
    return { format: 'json', document };
  }
  // The first line decides; later lines of another format are rejected when they are parsed.
  if (line !== '{' && NDJSON_FIELDS.some((field) => keys.has(field))) {
    return NDJSON;
  }
  if (document === OWNTRACKS_MESSAGES && isMessagePerLine(text, line)) {
    return { format: 'owntracks-lines' };
  }
  if (document) {
    return { format: 'json', document };
  }
  const next = lineEnd === -1 ? '' : text.slice(lineEnd).trimStart();
  if (final && outline.broken && next.startsWith('{') && tries > 1) {
    return jsonObject(next, final, tries - 1); // the first of several lines may be truncated or invalid
  }
  return otherObject(line, outline, final);
}

/** Detects a document by the list of its items, before its first line is complete; others need the whole line. */
function documentWithList(text: string): DetectedFormat | undefined {
  const document = jsonFormatOf(outlineOf(text));
  return document && document.itemPath !== 'document' ? { format: 'json', document } : undefined;
}

function otherObject(line: string, outline: JsonOutline, final: boolean): DetectedFormat | undefined {
  const isDocument = line === '{' || outline.lists.size > 0;
  if (!isDocument && (final || isJson(line))) {
    return NDJSON;
  }
  return final || outline.complete ? { unsupported: describeJson(outline) } : undefined;
}

/** Whether there is one message per line; if read line by line, an invalid one does not affect the others. */
function isMessagePerLine(text: string, line: string): boolean {
  return line.endsWith('}') || /^[^\n]*\n\s*\{"/.test(text) || !text.includes('\n');
}

function jsonList(text: string, final: boolean): DetectedFormat | undefined {
  const outline = outlineOf(text);
  const document = jsonFormatOf(outline);
  if (document) {
    return { format: 'json', document };
  }
  return final || outline.complete ? { unsupported: describeJson(outline) } : undefined;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function xml(text: string, final: boolean): DetectedFormat | undefined {
  const root = rootOf(text);
  if (root === undefined) {
    // A long comment may hide the root element; the GPX reader checks it again.
    return final ? { format: 'gpx' } : undefined;
  }
  return root.toLowerCase() === 'gpx' ? { format: 'gpx' } : { unsupported: describeXml(root) };
}

/** Local name of the first element after the declaration, comments and document type. */
function rootOf(text: string): string | undefined {
  let rest = text;
  for (;;) {
    const end = PROLOGUE.find(([begin]) => rest.startsWith(begin))?.[1];
    if (end === undefined) {
      return /^<(?:[\w.-]+:)?([\w.-]+)[\s/>]/.exec(rest)?.[1];
    }
    const match = end.exec(rest);
    if (match === null) {
      return undefined;
    }
    rest = rest.slice(match.index + match[0].length).trimStart();
  }
}

function lines(text: string, final: boolean): DetectedFormat | undefined {
  // Ignores an incomplete line, unless it is the last one of the file.
  const whole = final ? text : text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.split('\n', MAX_WRONG_LINES).some(isRecLine)) {
    return { format: 'owntracks-lines' };
  }
  const layout = csvLayoutOf(whole);
  if (layout) {
    return { format: 'csv', layout };
  }
  return final ? { unsupported: describeText(text, incompleteTable(text)) } : undefined;
}
