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
  it('takes what the server has', () => {
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
  ])('falls back with a warning, or refuses where timescaledb is demanded: %j', (lacking, message) => {
    const server = { ...TIMESCALE, ...lacking };
    const { engine, warnings } = chooseFoundation(server, AUTO);
    expect(engine).toBe('postgresql');
    expect(warnings).toEqual([expect.stringMatching(message)]);
    expect(() => chooseFoundation(server, { ...AUTO, HISTORY_ENGINE: 'timescaledb' })).toThrow(message);
  });

  it('refuses what the server cannot do, and says what it lacks', () => {
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
  const made = { engine: 'timescaledb', spatialLayer: 'postgis' } as const;

  it('lets a server that fits pass', () => {
    expect(() => checkFoundation(made, TIMESCALE, AUTO)).not.toThrow();
  });

  it('names what a moved database misses, and the command to move', () => {
    expect(() => checkFoundation(made, PLAIN, AUTO)).toThrow(
      'This database was made for TimescaleDB, but the server has no TimescaleDB',
    );
    expect(() =>
      checkFoundation({ ...made, engine: 'postgresql' }, TIMESCALE, {
        ...AUTO,
        HISTORY_ENGINE: 'timescaledb',
      }),
    ).toThrow('tracker move-engine');
  });

  it('refuses a database whose restore was not ended, and names what ends it', () => {
    expect(() => checkFoundation(made, { ...TIMESCALE, timescaledbRestoring: true }, AUTO)).toThrow(
      /being restored.*SELECT timescaledb_post_restore\(\)/,
    );
  });

  it('names no command to move back: there is none', () => {
    const config = { ...AUTO, HISTORY_ENGINE: 'postgresql' } as const;
    expect(() => checkFoundation(made, TIMESCALE, config)).toThrow(
      'HISTORY_ENGINE=postgresql, but this database was made with the timescaledb engine. It cannot be moved back: ' +
        'set HISTORY_ENGINE to timescaledb or auto, or give DATABASE_URL another, empty database',
    );
  });

  it.each([
    ['postgis', 'builtin'],
    ['builtin', 'postgis'],
  ] as const)(
    'refuses a spatial layer that a database of %s does not have: %s',
    (spatialLayer, configured) => {
      const check = (layer: typeof configured): void =>
        checkFoundation({ ...made, spatialLayer }, TIMESCALE, { ...AUTO, SPATIAL_LAYER: layer });
      expect(() => check(configured)).toThrow(
        expect.objectContaining({
          code: 'BAD_CONFIGURATION',
          message: expect.stringContaining(
            `SPATIAL_LAYER=${configured}, but this database stores positions over ${spatialLayer}. ` +
              `That cannot be changed: set SPATIAL_LAYER to ${spatialLayer} or auto`,
          ),
        }),
      );
      expect(() => check(spatialLayer)).not.toThrow();
    },
  );
});

describe('rawRetention', () => {
  const config = { RAW_RETENTION_DAYS: 2 };

  it('is what is configured where days can be dropped safely', () => {
    expect(rawRetention('timescaledb', TIMESCALE, config)).toEqual({ hours: 48, warning: null });
    expect(rawRetention('timescaledb', { ...TIMESCALE, timescaledb: '3.0.0' }, config).hours).toBe(48);
    expect(rawRetention('postgresql', PLAIN, config)).toEqual({ hours: 48, warning: null });
  });

  it('is raised to eight days before TimescaleDB 2.28, with the reason', () => {
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
