import { randomUUID } from 'node:crypto';
import type { Logger } from '@nestjs/common';

/** The error that a caller gets for an unexpected failure: only an id to find it in the log. */
export interface MaskedError {
  message: string;
  code: 'INTERNAL_SERVER_ERROR';
  correlationId: string;
}

/** Logs an unexpected failure in full. @param where path of the query, or route. */
export function maskError(logger: Logger, where: string, error: unknown): MaskedError {
  const correlationId = randomUUID();
  logger.error(`${correlationId} ${where}`, error instanceof Error ? error.stack : error);
  return { message: 'Something went wrong on our side', code: 'INTERNAL_SERVER_ERROR', correlationId };
}
