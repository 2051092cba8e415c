/** What a Redis that answers says instead of doing it, and what that means. In scripts it is not at the beginning. */
const REFUSALS: readonly [said: RegExp, meaning: string][] = [
  [/\bOOM\b/, 'is full: raise its maxmemory, or delete keys'],
  [/\bREADONLY\b/, 'is a read-only replica: REDIS_URL has to name the primary'],
  [/\bMISCONF\b/, 'takes no writes because it cannot save them: see its log'],
];

/** Whether Redis answered, and refused. Anything else may still be done later. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether ioredis never sent a command: there is no connection at the moment. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable");
}

/**
 * What is the matter with Redis, as the rest of a sentence that begins with its name.
 *
 * @param trouble why there is no connection, where that is known.
 */
export function describeRedisFailure(error: unknown, trouble: string | null = null): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!isRefusal(error)) return `does not answer (${trouble ?? message})`;
  const [, meaning] = REFUSALS.find(([said]) => said.test(message)) ?? [];
  return meaning ?? `refuses commands (${message})`;
}
