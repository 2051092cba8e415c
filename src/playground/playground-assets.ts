import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PLAYGROUND_PATH } from './playground-paths.js';

/** A file of an installed package that the page may load. */
export interface Asset {
  /** Absolute path of the file. */
  readonly file: string;
  /** Its Content-Type. */
  readonly type: string;
  /** Package and version: part of the address, so that browsers may cache the file forever. */
  readonly release: string;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const JSON_TEXT = 'application/json; charset=utf-8';

const require = createRequire(import.meta.url);

/**
 * Every file that is served from node_modules, by the name in its address.
 *
 * A request selects an entry of this map and never becomes a path, so it cannot read any other file.
 */
const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ['graphiql.min.js', assetOf('graphiql', 'graphiql.min.js', JAVASCRIPT)],
  ['graphiql.min.css', assetOf('graphiql', 'graphiql.min.css', CSS)],
  // graphiql.min.js refers to its source map by this name; developer tools report a missing one.
  ['index.umd.js.map', assetOf('graphiql', 'graphiql.min.js.map', JSON_TEXT)],
  ['react.production.min.js', assetOf('react', 'umd/react.production.min.js', JAVASCRIPT)],
  ['react-dom.production.min.js', assetOf('react-dom', 'umd/react-dom.production.min.js', JAVASCRIPT)],
]);

/** The asset at `/playground/assets/<release>/<name>`, if it exists. */
export function findAsset(release: string, name: string): Asset | undefined {
  const asset = ASSETS.get(name);
  return asset?.release === release ? asset : undefined;
}

/** The address of an asset. */
export function assetUrl(name: string): string {
  const asset = ASSETS.get(name);
  if (asset === undefined) {
    throw new Error(`The playground has no asset "${name}"`);
  }
  return `${PLAYGROUND_PATH}/assets/${asset.release}/${name}`;
}

/** Finds a package by its package.json, the only file that all three packages export. */
function assetOf(packageName: string, path: string, type: string): Asset {
  const manifest = require.resolve(`${packageName}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return { file: join(dirname(manifest), path), type, release: `${packageName}-${version}` };
}
