import type { AppConfig } from '../config/app-config.js';
import type { HistoryEngine, SpatialLayer } from '../config/env.schema.js';
import { DomainError } from '../common/errors/domain-error.js';

/** Anything that runs statements: a data source, a query runner, a pool. */
export interface SqlRunner {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

/** Features of the server that this database can use. */
export interface ServerCapabilities {
  /** `server_version_num`, e.g. 150020. */
  serverVersion: number;
  /** PostGIS is available or installed. */
  postgis: boolean;
  /** PostGIS is installed in this database. */
  postgisInstalled: boolean;
  /** Version of TimescaleDB that is installed, or that CREATE EXTENSION would install; null if it is not available. */
  timescaledb: string | null;
  /** Whether TimescaleDB is in shared_preload_libraries, without which it does not work. */
  timescaledbLoaded: boolean;
  /** `timescale`, or `apache`, which has no continuous aggregates; null if it is not installed in this database. */
  timescaledbLicense: string | null;
  /**
   * Whether timescaledb_post_restore() has yet to end a restore; until then TimescaleDB hides rows and loses new ones.
   */
  timescaledbRestoring: boolean;
}

/** Engine and spatial layer of a database, chosen when it is created; only move-engine changes the engine. */
export interface Foundation {
  engine: HistoryEngine;
  spatialLayer: SpatialLayer;
}

const OLDEST_SERVER = 150_000;
/**
 * From this version on raw reports can be dropped without marking their days as changed
 * (timescaledb.skip_cagg_invalidation).
 */
const SAFE_DROP = [2, 28] as const;
/** Longer than the seven days that the documented manual refresh reaches back. */
const RAW_DAYS_WITHOUT_SAFE_DROP = 8;

/** Reads the features of the server; changes nothing. */
export async function readCapabilities(db: SqlRunner): Promise<ServerCapabilities> {
  const [row] = (await db.query(`
    SELECT current_setting('server_version_num')::int AS "serverVersion",
      EXISTS (SELECT FROM pg_available_extensions WHERE name = 'postgis') AS postgis,
      EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis') AS "postgisInstalled",
      (SELECT coalesce(installed_version, default_version) FROM pg_available_extensions
        WHERE name = 'timescaledb') AS timescaledb,
      current_setting('timescaledb.max_background_workers', true) IS NOT NULL AS "timescaledbLoaded",
      current_setting('timescaledb.license', true) AS "timescaledbLicense",
      coalesce(current_setting('timescaledb.restoring', true) = 'on', false) AS "timescaledbRestoring"
  `)) as [ServerCapabilities];
  return row;
}

/**
 * Decides which engine and spatial layer a new database gets.
 *
 * @returns also warnings about the choice for the operator, as sentences.
 * @throws DomainError `BAD_CONFIGURATION` when the server does not support the configured values.
 */
export function chooseFoundation(
  server: ServerCapabilities,
  config: Pick<AppConfig, 'HISTORY_ENGINE' | 'SPATIAL_LAYER'>,
): Foundation & { warnings: string[] } {
  if (server.serverVersion < OLDEST_SERVER) {
    const version = Math.floor(server.serverVersion / 10_000);
    throw misconfigured(`PostgreSQL 15 or newer is needed; the server is version ${version}`);
  }
  const warnings: string[] = [];
  return {
    engine: chooseEngine(server, config, warnings),
    spatialLayer: chooseSpatialLayer(server, config),
    warnings,
  };
}

function chooseEngine(
  server: ServerCapabilities,
  config: Pick<AppConfig, 'HISTORY_ENGINE'>,
  warnings: string[],
): HistoryEngine {
  if (config.HISTORY_ENGINE === 'postgresql') return 'postgresql';
  const obstacle = timescaleObstacle(server);
  if (obstacle === null) return 'timescaledb';
  if (config.HISTORY_ENGINE === 'timescaledb')
    throw misconfigured(`HISTORY_ENGINE=timescaledb, but ${obstacle}`);
  // A warning only if the server has TimescaleDB and it cannot be used.
  if (server.timescaledb !== null) warnings.push(`The postgresql engine is used, because ${obstacle}`);
  return 'postgresql';
}

/** Why the server cannot run the timescaledb engine; null when it can. */
function timescaleObstacle(server: ServerCapabilities): string | null {
  if (server.timescaledb === null) return 'the server has no TimescaleDB';
  if (!server.timescaledbLoaded) {
    return 'TimescaleDB is installed on the server but not loaded: add it to shared_preload_libraries and restart';
  }
  if (server.timescaledbLicense === null)
    return 'the extension timescaledb could not be created in this database';
  if (server.timescaledbLicense !== 'timescale') {
    return (
      `TimescaleDB is the Apache-only build or is set to it (timescaledb.license = ${server.timescaledbLicense}), ` +
      'which has no continuous aggregates'
    );
  }
  if (server.timescaledbRestoring) {
    return (
      'the database is being restored (timescaledb.restoring is on). When pg_restore has ended, have an administrator run in it: ' +
      'SELECT timescaledb_post_restore()'
    );
  }
  return null;
}

function chooseSpatialLayer(
  server: ServerCapabilities,
  config: Pick<AppConfig, 'SPATIAL_LAYER'>,
): SpatialLayer {
  if (config.SPATIAL_LAYER === 'postgis' && !server.postgis) {
    throw misconfigured('SPATIAL_LAYER=postgis, but the server has no PostGIS to install');
  }
  if (config.SPATIAL_LAYER === 'builtin' && server.postgisInstalled) {
    throw misconfigured(
      'SPATIAL_LAYER=builtin, but PostGIS is installed in this database, and its types would be used instead',
    );
  }
  return config.SPATIAL_LAYER === 'builtin' || !server.postgis ? 'builtin' : 'postgis';
}

/**
 * Checks that server and configuration still match the database.
 *
 * @throws DomainError `BAD_CONFIGURATION` that says what to do.
 */
export function checkFoundation(
  foundation: Foundation,
  server: ServerCapabilities,
  config: Pick<AppConfig, 'HISTORY_ENGINE' | 'SPATIAL_LAYER'>,
): void {
  const obstacle = foundation.engine === 'timescaledb' ? timescaleObstacle(server) : null;
  if (obstacle !== null) throw misconfigured(`This database uses the timescaledb engine, but ${obstacle}`);
  if (config.HISTORY_ENGINE !== 'auto' && config.HISTORY_ENGINE !== foundation.engine) {
    throw misconfigured(
      `HISTORY_ENGINE=${config.HISTORY_ENGINE}, but this database uses the ${foundation.engine} engine. ` +
        (foundation.engine === 'postgresql'
          ? 'To move it run: tracker move-engine'
          : `It cannot be moved back: ${keepOrReplace('HISTORY_ENGINE', foundation.engine)}`),
    );
  }
  if (config.SPATIAL_LAYER !== 'auto' && config.SPATIAL_LAYER !== foundation.spatialLayer) {
    throw misconfigured(
      `SPATIAL_LAYER=${config.SPATIAL_LAYER}, but this database stores positions with ${foundation.spatialLayer}. ` +
        `That cannot be changed: ${keepOrReplace('SPATIAL_LAYER', foundation.spatialLayer)}`,
    );
  }
}

/** Advice when the configuration cannot be applied to the database. */
function keepOrReplace(variable: string, value: string): string {
  return `set ${variable} to ${value} or auto, or point DATABASE_URL at another, empty database`;
}

/**
 * How long raw reports are kept on this server, in hours.
 *
 * @returns also the reason if that is longer than configured.
 */
export function rawRetention(
  engine: HistoryEngine,
  server: ServerCapabilities,
  config: Pick<AppConfig, 'RAW_RETENTION_DAYS'>,
): { hours: number; warning: string | null } {
  const configured = config.RAW_RETENTION_DAYS;
  if (
    engine === 'postgresql' ||
    configured >= RAW_DAYS_WITHOUT_SAFE_DROP ||
    isAtLeast(server.timescaledb, SAFE_DROP)
  ) {
    return { hours: configured * 24, warning: null };
  }
  return {
    hours: RAW_DAYS_WITHOUT_SAFE_DROP * 24,
    warning:
      `Raw reports are kept for ${RAW_DAYS_WITHOUT_SAFE_DROP} days instead of ${configured}: on TimescaleDB ` +
      `${server.timescaledb ?? ''} (older than ${SAFE_DROP.join('.')}) dropping them earlier makes the documented ` +
      'refresh over 7 days delete the daily history of the days dropped',
  };
}

function isAtLeast(version: string | null, wanted: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

function misconfigured(message: string): DomainError {
  return new DomainError('BAD_CONFIGURATION', message);
}
