import { none } from 'stream-chain/core';
import { jsonVerifier, type VerifierError } from 'stream-json/core/utils/verifier.js';

/** A place with a known context: right after a brace. */
export interface Landmark {
  /** 1-based, as is `column`. */
  line: number;
  column: number;
  /** The open containers, outermost first: a `{` or `[` for each. */
  open: string;
  /** True after a `{`, false after a value. */
  opened: boolean;
}

/** Part of a literal that the end of the file has cut. */
const CUT_WORD = /^(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\\|\\u[\da-f]{0,3})?$/i;

/**
 * Finds how much of a text is valid JSON, after the parser has rejected it or is waiting for more.
 *
 * The parser does not say where it stopped. The verifier of the same library does, but running it over the whole file would
 * cost as much as parsing it, so it checks only the text after the last landmark.
 *
 * @returns the length of the valid part; the whole length if the text is valid but incomplete.
 */
export function goodLength(text: string, landmark: Landmark): number {
  const lead = leadTo(landmark);
  const verify = jsonVerifier({ jsonStreaming: true }) as unknown as (text: string | typeof none) => unknown;
  try {
    verify(lead + text);
    verify(none);
  } catch (error) {
    const good = ((error as Partial<VerifierError>).offset ?? Infinity) - lead.length;
    return good >= 0 && good < text.length && !CUT_WORD.test(text.slice(good)) ? good : text.length;
  }
  return text.length;
}

/** The shortest text that leads to the same context. */
function leadTo({ open, opened }: Landmark): string {
  const lead = open.replaceAll('{', '{"":');
  return opened ? lead.slice(0, -3) : lead + (open === '' ? '' : '0');
}
