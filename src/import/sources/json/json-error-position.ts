import { none } from 'stream-chain/core';
import { jsonVerifier, type VerifierError } from 'stream-json/core/utils/verifier.js';

/** A position with a known context: right after a brace. */
export interface Checkpoint {
  /** 1-based, as is `column`. */
  line: number;
  column: number;
  /** The open containers, outermost first: a `{` or `[` for each. */
  open: string;
  /** True after a `{`, false after a value. */
  afterBrace: boolean;
}

/** Beginning of a literal that the end of the file truncates. */
const TRUNCATED_WORD = /^(?:t|tr|tru|f|fa|fal|fals|n|nu|nul|-|\\|\\u[\da-f]{0,3})?$/i;

/**
 * Finds how much of a text is valid JSON, after the parser has rejected it or is waiting for more.
 *
 * The parser does not report where it stopped. The verifier of the same library does, but running it over the whole
 * file would take as long as parsing it, so it checks only the text after the last checkpoint.
 *
 * @returns the length of the valid part; the whole length if the text is valid but incomplete.
 */
export function validLength(text: string, checkpoint: Checkpoint): number {
  const prefix = prefixFor(checkpoint);
  const verify = jsonVerifier({ jsonStreaming: true }) as unknown as (text: string | typeof none) => unknown;
  try {
    verify(prefix + text);
    verify(none);
  } catch (error) {
    const valid = ((error as Partial<VerifierError>).offset ?? Infinity) - prefix.length;
    return valid >= 0 && valid < text.length && !TRUNCATED_WORD.test(text.slice(valid)) ? valid : text.length;
  }
  return text.length;
}

/** The shortest text that leads to the same context. */
function prefixFor({ open, afterBrace }: Checkpoint): string {
  const prefix = open.replaceAll('{', '{"":');
  return afterBrace ? prefix.slice(0, -3) : prefix + (open === '' ? '' : '0');
}
