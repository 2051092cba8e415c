import { DomainError } from '../../common/errors/domain-error.js';
import type { RejectedItem, RejectionReason } from '../report-source.js';

const MAX_SHOWN = 60;
const MAX_PROBLEM = 200;
/** Maximum number of characters of a rejected item that are kept. */
export const MAX_RAW_TEXT = 2000;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Thrown while an item is parsed, and caught by its source: the item is rejected, and reading continues. */
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

/** Returns the error for an invalid value of a field. @param allowed e.g. `a number like 53.8633`. */
export function mustBe(field: string, allowed: string, value: unknown): RejectedItemError {
  return undecodable(`${field} must be ${allowed} (got ${quote(value)})`);
}

/**
 * Returns the rejected item for an `error` thrown while it was parsed.
 *
 * @param rawText text of the item.
 * @param item identifies it, if its position alone does not.
 * @throws any other error than a RejectedItemError, unchanged.
 */
export function rejectedBy(error: unknown, position: number, rawText?: string, item?: string): RejectedItem {
  if (!(error instanceof RejectedItemError)) {
    throw error;
  }
  const message = item === undefined ? error.message : `${item}: ${error.message}`;
  const { reason } = error;
  return rawText === undefined
    ? { position, reason, message }
    : { position, reason, message, rawText: rawText.slice(0, MAX_RAW_TEXT) };
}

/**
 * Returns the error for a source that cannot be read, or not to its end.
 *
 * @param where added to `details`; `line` and `column` are 1-based.
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

/** Formats a value for a message: short, quoted, and safe for a terminal and a text column. */
export function quote(value: unknown): string {
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

/** Makes the message of a parser, which may quote the input, fit on one line. */
export function oneLine(problem: string): string {
  return problem.replace(CONTROL_CHARACTERS, ' ').slice(0, MAX_PROBLEM).replace(LONE_SURROGATE, '\uFFFD');
}
