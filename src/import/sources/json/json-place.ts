import { none } from 'stream-chain/core';
import { jsonVerifier, type VerifierError } from 'stream-json/core/utils/verifier.js';

/** A place whose surroundings are known: right after a brace. */
export interface Landmark {
  /** 1-based, as is `column`. */
  line: number;
  column: number;
  /** What is open there, the outermost first: a `{` or `[` for each. */
  open: string;
  /** After a `{`; else after a value. */
  opened: boolean;
}

/** What is left of a word that the end of the file has cut. */
const CUT_WORD = /^(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\\|\\u[\da-f]{0,3})?$/i;

/**
 * How much of a text is JSON, where the parser has refused it or still waits for something.
 *
 * The parser does not say where it stopped; the verifier of the same library does, but following a whole file with it
 * would cost as much as reading it. So it looks at the text from the last landmark on.
 *
 * @returns the length of the good part; all of it when the text is not wrong but ends too early.
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

/** The shortest text that leads to the same surroundings. */
function leadTo({ open, opened }: Landmark): string {
  const lead = open.replaceAll('{', '{"":');
  return opened ? lead.slice(0, -3) : lead + (open === '' ? '' : '0');
}
