import { ValidateBy } from 'class-validator';

/** Values of `sslmode`: libpq's, and the driver's own `no-verify`. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

const FORM = /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const HOST_AND_PORT = /^(\[[\da-f:.]+(?:%[^\]]+)?\]|[^:[\]]*)(?::([^:]*))?$/i;

const ENCODE =
  'Percent-encode special characters in a user or password: / is %2F, @ is %40, # is %23, % is %25';

/** The address in a connection string, without user and password. */
export interface DatabaseAddress {
  /** A host name, an IP address (IPv6 without brackets), or the folder of a unix socket. */
  host: string;
  port: string;
  database: string;
  parameters: URLSearchParams;
}

/**
 * Parses a connection string as libpq does: `postgresql://user:password@host:port/database?parameters`, with
 * `?host=/folder` for a unix socket and `[::1]` for an IPv6 address.
 *
 * @returns the address, or its problem: a sentence without subject and without secrets, such as `names no host`.
 */
export function parseDatabaseUrl(url: string): DatabaseAddress | string {
  const parts = FORM.exec(url);
  if (!parts) return 'must begin with postgresql:// or postgres://';
  const [, authority = '', path = '', query = ''] = parts;
  if (url.includes('#')) return `must not contain #. ${ENCODE}`;
  const parameters = new URLSearchParams(query);
  const hostPort = parseHostAndPort(authority.slice(authority.lastIndexOf('@') + 1));
  if (hostPort === null) {
    return `has a host or port that cannot be read; an IPv6 address needs brackets, as in [::1]:5432. ${ENCODE}`;
  }
  if (!isEncoded(authority) || !isEncoded(path)) return `has a % without two hexadecimal digits. ${ENCODE}`;
  const address = {
    host: parameters.get('host') ?? decodeURIComponent(hostPort.host),
    port: parameters.get('port') ?? hostPort.port,
    database: decodeURIComponent(path),
    parameters,
  };
  return problemOf(address) ?? { ...address, host: address.host.replace(/^\[(.*)\]$/, '$1') };
}

function problemOf({ host, port, parameters }: DatabaseAddress): string | null {
  if (host === '') {
    return 'names no host: use postgresql://host/database, or postgresql:///database?host=/folder for a unix socket';
  }
  if (`${host}${port}`.includes(',')) {
    return 'names several hosts, and only one is allowed: use an address that follows the primary';
  }
  if (port !== '' && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    return `must have a port from 1 to 65535. ${ENCODE}`; // not shown: it may be part of the password
  }
  const mode = parameters.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode)) {
    return `must have one of these as sslmode: ${SSL_MODES.join(', ')} (got "${mode}")`;
  }
  const rootCertificate = parameters.get('sslrootcert');
  if (mode === 'verify-ca' && (rootCertificate === null || rootCertificate === 'system')) {
    return 'has sslmode=verify-ca without sslrootcert: add sslrootcert=/file, or use verify-full';
  }
  return null;
}

function parseHostAndPort(text: string): { host: string; port: string } | null {
  if (text.includes(',')) return { host: text, port: '' };
  const [, host, port = ''] = HOST_AND_PORT.exec(text) ?? [];
  return host === undefined ? null : { host, port };
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Describes the server and database of a connection string, for messages: `host:port/database`. */
export function describeAddress(url: string): string {
  const address = parseDatabaseUrl(url);
  if (typeof address === 'string') return 'an invalid address';
  const { host, port, database } = address;
  const shown = host.includes(':') ? `[${host}]` : host;
  return `${shown}${port === '' ? '' : `:${port}`}${database === '' ? '' : `/${database}`}`;
}

/** Accepts a connection string that parseDatabaseUrl() can parse; the message names the problem. */
export function IsDatabaseUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isDatabaseUrl',
    validator: {
      validate: (value) => typeof value === 'string' && typeof parseDatabaseUrl(value) !== 'string',
      defaultMessage: (about) => {
        const problem = parseDatabaseUrl(String(about?.value));
        return `${about?.property ?? 'it'} ${typeof problem === 'string' ? problem : 'is wrong'}`;
      },
    },
  });
}
