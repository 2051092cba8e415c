/** Errors with which Redis refuses a command, and their meaning. In errors of scripts the code is not at the start. */
const REFUSALS: readonly [pattern: RegExp, meaning: string][] = [
  [/\bOOM\b/, 'is full: raise its maxmemory, or delete keys'],
  [/\bREADONLY\b/, 'is a read-only replica: REDIS_URL has to name the primary'],
  [/\bMISCONF\b/, 'accepts no writes because it cannot save them: see its log'],
];

/** Whether Redis answered with a refusal. After any other failure it may still execute the command later. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether ioredis did not send the command, because there is no connection. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable");
}

/**
 * Describes why Redis cannot be used, as the rest of a sentence that begins with "Redis".
 *
 * @param outage why there is no connection, if that is known.
 */
export function describeRedisFailure(error: unknown, outage: string | null = null): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isRefusal(error)) return `does not answer (${outage ?? message})`;
  const [, meaning] = REFUSALS.find(([pattern]) => pattern.test(message)) ?? [];
  return meaning ?? `refuses commands (${message})`;
}
