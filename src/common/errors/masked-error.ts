import { randomUUID } from 'node:crypto';
import type { Logger } from '@nestjs/common';

/** What a caller is told of a failure that nobody expected: nothing of it, but an id under which the log has it. */
export interface MaskedError {
  message: string;
  code: 'INTERNAL_SERVER_ERROR';
  correlationId: string;
}

/** Logs a failure as it is. @param where it happened: a path of a query, a route. */
export function maskError(logger: Logger, where: string, error: unknown): MaskedError {
  const correlationId = randomUUID();
  logger.error(`${correlationId} ${where}`, error instanceof Error ? error.stack : error);
  return { message: 'Something went wrong on our side', code: 'INTERNAL_SERVER_ERROR', correlationId };
}
