import { describe, expect, it } from '@jest/globals';
import { describeAddress, parseDatabaseUrl } from './database-url.js';

describe('parseDatabaseUrl', () => {
  it.each([
    ['postgresql://me:secret@db:5433/tracker', { host: 'db', port: '5433', database: 'tracker' }],
    ['postgres://db/tracker?sslmode=prefer', { host: 'db', port: '', database: 'tracker' }],
    ['postgresql://me@[::1]:5432/tracker', { host: '::1', port: '5432', database: 'tracker' }],
    [
      'postgresql:///tracker?host=/run/postgresql',
      { host: '/run/postgresql', port: '', database: 'tracker' },
    ],
    ['postgresql://me@/db?host=/tmp&port=5433', { host: '/tmp', port: '5433', database: 'db' }],
    ['postgresql://%2Frun%2Fpostgresql/my%20db', { host: '/run/postgresql', port: '', database: 'my db' }],
    ['postgresql://me:p%40ss%2Fword@db/x', { host: 'db', port: '', database: 'x' }],
    ['postgresql://me:p@ss@db/x', { host: 'db', port: '', database: 'x' }],
  ])('reads %s', (url, expected) => {
    expect(parseDatabaseUrl(url)).toMatchObject(expected);
  });

  it.each([
    ['mysql://db/tracker', 'must begin with postgresql:// or postgres://'],
    ['db/tracker', 'must begin with postgresql:// or postgres://'],
    ['postgresql:///tracker', /^names no host: use postgresql:\/\/host\/database, or/],
    ['postgresql://me:geheim@/tracker', /^names no host/],
    ['postgresql://a,b/tracker', /^names several hosts, and only one is allowed/],
    ['postgresql://a:1,b:2/tracker', /^names several hosts/],
    ['postgresql://me:geheim@db:port/x', /^must have a port from 1 to 65535\. Percent-encode/],
    ['postgresql://db:65536/x', /^must have a port from 1 to 65535/],
    ['postgresql://db:0/x', /^must have a port from 1 to 65535/],
    ['postgresql://me:ge/heim@db/x', /^must have a port from 1 to 65535\. Percent-encode/],
    ['postgresql://me:ge#heim@db/x', /^must not contain #\. Percent-encode/],
    ['postgresql://me:ge%heim@db/x', /^has a % without two hexadecimal digits/],
    ['postgresql://me@::1:5432/x', /an IPv6 address needs brackets, as in \[::1\]:5432/],
    ['postgresql://db/x?sslmode=on', /^must have one of these as sslmode: disable, allow, .* \(got "on"\)$/],
    ['postgresql://db/x?sslmode=verify-ca', /^has sslmode=verify-ca without sslrootcert/],
  ])('describes the problem of %s without the password', (url, problem) => {
    const found = parseDatabaseUrl(url);
    expect(found).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
    expect(found).not.toMatch(/geheim|heim/);
  });
});

describe('describeAddress', () => {
  it.each([
    ['postgresql://me:secret@db:5433/tracker?sslmode=require', 'db:5433/tracker'],
    ['postgresql://me:secret@[::1]:5432/x', '[::1]:5432/x'],
    ['postgresql:///tracker?host=/run/postgresql', '/run/postgresql/tracker'],
    ['nonsense', 'an invalid address'],
  ])('describes %s as %s', (url, address) => {
    expect(describeAddress(url)).toBe(address);
  });
});
