import { DomainError } from '../../common/errors/domain-error.js';
import type { RejectedItem, RejectionReason } from '../report-source.js';

const MAX_SHOWN = 60;
const MAX_PROBLEM = 200;
/** Characters of an item that are kept of one that is rejected. */
export const MAX_GIVEN = 2000;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Thrown while one item is decoded, caught by its source: the item is rejected and reading goes on. */
export class RejectedItemError extends Error {
  constructor(
    readonly reason: RejectionReason,
    message: string,
  ) {
    super(message);
  }
}

export function undecodable(message: string): RejectedItemError {
  return new RejectedItemError('undecodable', message);
}

/**
 * What became of an item that threw `error` while it was decoded.
 *
 * @param given its text.
 * @param item says which it was, where its position alone does not.
 * @throws whatever is not a RejectedItemError, as it is.
 */
export function rejectedBy(error: unknown, position: number, given?: string, item?: string): RejectedItem {
  if (!(error instanceof RejectedItemError)) {
    throw error;
  }
  const message = item === undefined ? error.message : `${item}: ${error.message}`;
  const { reason } = error;
  return given === undefined
    ? { position, reason, message }
    : { position, reason, message, given: given.slice(0, MAX_GIVEN) };
}

/**
 * The source as a whole cannot be read (further).
 *
 * @param where goes into `details`; `line` and `column` are 1-based.
 */
export function brokenSource(
  name: string,
  problem: string,
  where: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): DomainError {
  return new DomainError('BAD_USER_INPUT', `${name}: ${problem}`, {
    details: { source: name, ...where },
    cause,
  });
}

/** A value of the source for a message: short, quoted, and with nothing in it that a terminal or a text column minds. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) {
    return 'a list';
  }
  if (typeof value === 'object' && value !== null) {
    return 'an object';
  }
  if (typeof value !== 'string') {
    return String(value);
  }
  const cut = value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value;
  return JSON.stringify(cut).replace(CONTROL_CHARACTERS, ' ');
}

/** What a parser says about its input may quote the input: made fit for one line. */
export function oneLine(problem: string): string {
  return problem.replace(CONTROL_CHARACTERS, ' ').slice(0, MAX_PROBLEM).replace(LONE_SURROGATE, '\uFFFD');
}
