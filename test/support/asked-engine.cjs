/**
 * With TEST_ENGINE set, jest runs only the files that test this engine. Files that test no engine count as postgresql, so
 * that one run per engine runs nothing twice. Which engines a file tests is read from the functions of engines.ts,
 * faketime-cluster.ts, pgbouncer.ts, removal-scene.ts and system-cluster.ts that it calls.
 */
const { readFileSync } = require('node:fs');

const ON_EVERY_ENGINE = /\bdescribe(OnEveryEngine|WithClock|WithPgBouncer|WithClusters|Removals)\(/;
const ON_TIMESCALE = /\bdescribeOnTimescale\(/;

const IS_ASKED = {
  postgresql: (source) => ON_EVERY_ENGINE.test(source) || !ON_TIMESCALE.test(source),
  timescaledb: (source) => ON_EVERY_ENGINE.test(source) || ON_TIMESCALE.test(source),
};

module.exports = (paths) => {
  const isAsked = IS_ASKED[process.env.TEST_ENGINE] ?? (() => true);
  return { filtered: paths.filter((path) => isAsked(readFileSync(path, 'utf8'))) };
};
