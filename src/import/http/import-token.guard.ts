import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import type { AppConfig } from '../../config/app-config.js';
import { APP_CONFIG } from '../../config/config.module.js';

interface Reply {
  header(name: string, value: string): unknown;
}

/** Requires `IMPORT_TOKEN`, if it is set. Phones post from outside, where no proxy may authenticate them. */
@Injectable()
export class ImportTokenGuard implements CanActivate {
  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  canActivate(context: ExecutionContext): boolean {
    const { IMPORT_TOKEN } = this.config;
    if (IMPORT_TOKEN === undefined) return true;
    const http = context.switchToHttp();
    const token = tokenOf(http.getRequest<{ headers: { authorization?: string } }>().headers.authorization);
    if (token !== undefined && isSame(token, IMPORT_TOKEN)) return true;
    http.getResponse<Reply>().header('www-authenticate', 'Basic realm="import", Bearer');
    throw new DomainError(
      'UNAUTHENTICATED',
      token === undefined
        ? 'The import token is missing: send it as Bearer token, or as the password of Basic authentication'
        : 'The import token is wrong',
    );
  }
}

/** The token in an `Authorization` header: a Bearer token, or the password of Basic with any user. */
export function tokenOf(authorization: string | undefined): string | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : text.slice(colon + 1);
}

/** Compares in constant time, so that the duration does not reveal how much of a token is correct. */
function isSame(token: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(expected));
}
