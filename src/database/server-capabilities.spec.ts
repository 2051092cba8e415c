import { describe, expect, it } from '@jest/globals';
import {
  checkFoundation,
  chooseFoundation,
  rawRetention,
  type ServerCapabilities,
} from './server-capabilities.js';

const TIMESCALE: ServerCapabilities = {
  serverVersion: 170_004,
  postgis: true,
  postgisInstalled: false,
  timescaledb: '2.28.3',
  timescaledbLoaded: true,
  timescaledbLicense: 'timescale',
  timescaledbRestoring: false,
};
const PLAIN: ServerCapabilities = {
  ...TIMESCALE,
  postgis: false,
  timescaledb: null,
  timescaledbLoaded: false,
  timescaledbLicense: null,
};
const AUTO = { HISTORY_ENGINE: 'auto', SPATIAL_LAYER: 'auto' } as const;

describe('chooseFoundation', () => {
  it('chooses timescaledb and postgis if the server has them', () => {
    expect(chooseFoundation(TIMESCALE, AUTO)).toEqual({
      engine: 'timescaledb',
      spatialLayer: 'postgis',
      warnings: [],
    });
    expect(chooseFoundation(PLAIN, AUTO)).toEqual({
      engine: 'postgresql',
      spatialLayer: 'builtin',
      warnings: [],
    });
  });

  it.each([
    [{ timescaledbLicense: 'apache' }, /Apache-only build.*no continuous aggregates/],
    [
      { timescaledbLoaded: false, timescaledbLicense: null },
      /not loaded: add it to shared_preload_libraries/,
    ],
    [{ timescaledbLicense: null }, /could not be created/],
  ])('falls back with a warning, or throws if timescaledb is configured: %j', (obstacle, message) => {
    const server = { ...TIMESCALE, ...obstacle };
    const { engine, warnings } = chooseFoundation(server, AUTO);
    expect(engine).toBe('postgresql');
    expect(warnings).toEqual([expect.stringMatching(message)]);
    expect(() => chooseFoundation(server, { ...AUTO, HISTORY_ENGINE: 'timescaledb' })).toThrow(message);
  });

  it('rejects what the server does not support, and names what is missing', () => {
    expect(() => chooseFoundation({ ...PLAIN, serverVersion: 140_010 }, AUTO)).toThrow(
      'PostgreSQL 15 or newer is needed; the server is version 14',
    );
    expect(() => chooseFoundation(PLAIN, { ...AUTO, HISTORY_ENGINE: 'timescaledb' })).toThrow(
      'the server has no TimescaleDB',
    );
    expect(() => chooseFoundation(PLAIN, { ...AUTO, SPATIAL_LAYER: 'postgis' })).toThrow('no PostGIS');
    expect(() =>
      chooseFoundation({ ...TIMESCALE, postgisInstalled: true }, { ...AUTO, SPATIAL_LAYER: 'builtin' }),
    ).toThrow('PostGIS is installed in this database');
  });
});

describe('checkFoundation', () => {
  const foundation = { engine: 'timescaledb', spatialLayer: 'postgis' } as const;

  it('accepts a server that has what the database needs', () => {
    expect(() => checkFoundation(foundation, TIMESCALE, AUTO)).not.toThrow();
  });

  it('names what the server of a moved database lacks, or the command to move it', () => {
    expect(() => checkFoundation(foundation, PLAIN, AUTO)).toThrow(
      'This database uses the timescaledb engine, but the server has no TimescaleDB',
    );
    expect(() =>
      checkFoundation({ ...foundation, engine: 'postgresql' }, TIMESCALE, {
        ...AUTO,
        HISTORY_ENGINE: 'timescaledb',
      }),
    ).toThrow('tracker move-engine');
  });

  it('rejects a database whose restore is not finished, and names the statement that finishes it', () => {
    expect(() => checkFoundation(foundation, { ...TIMESCALE, timescaledbRestoring: true }, AUTO)).toThrow(
      /being restored.*SELECT timescaledb_post_restore\(\)/,
    );
  });

  it('suggests no command to move back, because there is none', () => {
    const config = { ...AUTO, HISTORY_ENGINE: 'postgresql' } as const;
    expect(() => checkFoundation(foundation, TIMESCALE, config)).toThrow(
      'HISTORY_ENGINE=postgresql, but this database uses the timescaledb engine. It cannot be moved back: ' +
        'set HISTORY_ENGINE to timescaledb or auto, or point DATABASE_URL at another, empty database',
    );
  });

  it.each([
    ['postgis', 'builtin'],
    ['builtin', 'postgis'],
  ] as const)('rejects for a database with %s the spatial layer %s', (spatialLayer, configured) => {
    const check = (layer: typeof configured): void =>
      checkFoundation({ ...foundation, spatialLayer }, TIMESCALE, { ...AUTO, SPATIAL_LAYER: layer });
    expect(() => check(configured)).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIGURATION',
        message: expect.stringContaining(
          `SPATIAL_LAYER=${configured}, but this database stores positions with ${spatialLayer}. ` +
            `That cannot be changed: set SPATIAL_LAYER to ${spatialLayer} or auto`,
        ),
      }),
    );
    expect(() => check(spatialLayer)).not.toThrow();
  });
});

describe('rawRetention', () => {
  const config = { RAW_RETENTION_DAYS: 2 };

  it('returns the configured value if days can be dropped safely', () => {
    expect(rawRetention('timescaledb', TIMESCALE, config)).toEqual({ hours: 48, warning: null });
    expect(rawRetention('timescaledb', { ...TIMESCALE, timescaledb: '3.0.0' }, config).hours).toBe(48);
    expect(rawRetention('postgresql', PLAIN, config)).toEqual({ hours: 48, warning: null });
  });

  it('returns eight days, and a warning, before TimescaleDB 2.28', () => {
    const raised = rawRetention('timescaledb', { ...TIMESCALE, timescaledb: '2.27.2' }, config);
    expect(raised.hours).toBe(8 * 24);
    expect(raised.warning).toMatch(/8 days instead of 2.*2\.27\.2 \(older than 2\.28\)/);
    expect(
      rawRetention('timescaledb', { ...TIMESCALE, timescaledb: '2.9.0' }, { RAW_RETENTION_DAYS: 9 }),
    ).toEqual({
      hours: 9 * 24,
      warning: null,
    });
  });
});
