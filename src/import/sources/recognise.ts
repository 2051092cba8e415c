import { csvLayoutOf, incompleteTable, type CsvLayout } from './csv/csv-layout.js';
import { foreignText, foreignXml, signatureOf } from './foreign.js';
import { foreignJson, jsonFormatOf } from './json/json-format.js';
import { type JsonOutline, outlineOf } from './json/json-outline.js';
import type { JsonFormat } from './json/json.source.js';
import { OWNTRACKS_MESSAGES } from './owntracks/owntracks-documents.js';
import { isRecLine } from './owntracks/owntracks-line.js';

/** What the beginning of an input tells about it. */
export type Recognised =
  | { readonly format: 'ndjson' | 'gpx' | 'owntracks-lines' }
  | { readonly format: 'csv'; readonly layout: CsvLayout }
  | { readonly format: 'json'; readonly document: JsonFormat }
  | { readonly foreign: string };

/** An input whose beginning still tells nothing after this many bytes is decided by what is there. */
const ENOUGH = 4096;
/** Of JSON, whose keys come in any order. */
const ENOUGH_JSON = 65_536;
const MAX_WHITE_SPACE = 65_536;
const NDJSON: Recognised = { format: 'ndjson' };
/** Of formats that have an item a line, the first lines may be cut or wrong; these are looked at. */
const MAX_WRONG_LINES = 5;

/** What may stand before the root of an XML document, and where it ends. */
const PROLOGUE: readonly (readonly [begin: string, end: RegExp])[] = [
  ['<?', /\?>/],
  ['<!--', /-->/],
  ['<!', /^[^>[]*(?:\[[^\]]*\][^>]*)?>/],
];

const OUR_FIELDS = ['timestamp', 'latitude', 'longitude', 'tracker', 'hashedAdvKey'];

/**
 * Decides by content what an input is; its name is never asked, since downloads and uploads lose or change it.
 *
 * @param head the first bytes, decompressed.
 * @param ended there are no more.
 * @returns undefined while more is needed to tell; never when `ended`.
 */
export function recognise(head: Buffer, ended: boolean): Recognised | undefined {
  const signature = signatureOf(head);
  if (signature !== undefined) {
    return { foreign: signature };
  }
  const text = head.toString('utf8').replace(/^\uFEFF/, '');
  const trimmed = text.trimStart();
  const enough = ended || head.length >= ENOUGH;
  switch (trimmed.charAt(0)) {
    case '':
      return blank(head, ended);
    case '{':
      return cutOr(jsonObject(trimmed, ended || head.length >= ENOUGH_JSON), ended, text);
    case '[':
      return cutOr(jsonList(trimmed, ended || head.length >= ENOUGH_JSON), ended, text);
    case '<':
      return xml(trimmed.slice(0, ENOUGH), enough);
    default:
      return lines(text.slice(0, ENOUGH), enough);
  }
}

function blank(head: Buffer, ended: boolean): Recognised | undefined {
  if (ended) {
    return { foreign: head.length === 0 ? 'an empty file' : 'a file of white space only' };
  }
  return head.length < MAX_WHITE_SPACE ? undefined : { foreign: `${MAX_WHITE_SPACE} bytes of white space` };
}

/** JSON that is of no known kind may be so because the rest is missing. */
function cutOr(verdict: Recognised | undefined, ended: boolean, text: string): Recognised | undefined {
  if (!ended || verdict === undefined || !('foreign' in verdict)) {
    return verdict;
  }
  const { complete, broken } = outlineOf(text);
  if (complete || broken) {
    return verdict;
  }
  const lines = text.split('\n');
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return {
    foreign: `${verdict.foreign}, and the file ends within it at line ${lines.length}, column ${column}: it was cut`,
  };
}

function jsonObject(text: string, final: boolean, tries = MAX_WRONG_LINES): Recognised | undefined {
  const lineEnd = text.indexOf('\n');
  const line = (lineEnd === -1 ? text : text.slice(0, lineEnd)).trim();
  if (lineEnd === -1 && !final) {
    return container(text);
  }
  const outline = outlineOf(text);
  const { keys } = outline.object;
  const document = jsonFormatOf(outline);
  if (document && (document.places !== 'document' || keys.has('geometry'))) {
    return { format: 'json', document };
  }
  // One line decides; a foreign line further down is that line's own trouble.
  if (line !== '{' && OUR_FIELDS.some((field) => keys.has(field))) {
    return NDJSON;
  }
  if (document === OWNTRACKS_MESSAGES && isMessageALine(text, line)) {
    return { format: 'owntracks-lines' };
  }
  if (document) {
    return { format: 'json', document };
  }
  const next = lineEnd === -1 ? '' : text.slice(lineEnd).trimStart();
  if (final && outline.broken && next.startsWith('{') && tries > 1) {
    return jsonObject(next, final, tries - 1); // of objects on a line each, the first may be cut or wrong
  }
  return otherObject(line, outline, final);
}

/** A document of lists is known as soon as its list is; of anything else the whole line is wanted. */
function container(text: string): Recognised | undefined {
  const document = jsonFormatOf(outlineOf(text));
  return document && document.places !== 'document' ? { format: 'json', document } : undefined;
}

function otherObject(line: string, outline: JsonOutline, final: boolean): Recognised | undefined {
  const isDocument = line === '{' || outline.lists.size > 0;
  if (!isDocument && (final || isJson(line))) {
    return NDJSON;
  }
  return final || outline.complete ? { foreign: foreignJson(outline) } : undefined;
}

/** Messages on a line each are read line by line, so that a wrong one spoils no others. */
function isMessageALine(text: string, line: string): boolean {
  return line.endsWith('}') || /^[^\n]*\n\s*\{"/.test(text) || !text.includes('\n');
}

function jsonList(text: string, final: boolean): Recognised | undefined {
  const outline = outlineOf(text);
  const document = jsonFormatOf(outline);
  if (document) {
    return { format: 'json', document };
  }
  return final || outline.complete ? { foreign: foreignJson(outline) } : undefined;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function xml(text: string, final: boolean): Recognised | undefined {
  const root = rootOf(text);
  if (root === undefined) {
    // A long comment may hide the root: the reader of GPX looks at it again.
    return final ? { format: 'gpx' } : undefined;
  }
  return root.toLowerCase() === 'gpx' ? { format: 'gpx' } : { foreign: foreignXml(root) };
}

/** Local name of the first element, past declaration, comments and document type. */
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

function lines(text: string, final: boolean): Recognised | undefined {
  // A line that has not ended tells only when it is the last one.
  const whole = final ? text : text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.split('\n', MAX_WRONG_LINES).some(isRecLine)) {
    return { format: 'owntracks-lines' };
  }
  const layout = csvLayoutOf(whole);
  if (layout) {
    return { format: 'csv', layout };
  }
  return final ? { foreign: foreignText(text, incompleteTable(text)) } : undefined;
}
