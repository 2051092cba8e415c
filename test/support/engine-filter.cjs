/**
 * With TEST_ENGINE set, jest runs only the files that test that engine. Files that do not depend on the engine count as
 * postgresql, so that one run per engine runs nothing twice. The functions that a file calls show which engines it tests:
 * the functions of engines.ts, describeWithClock() and describeRemovedHistory().
 */
const { readFileSync } = require('node:fs');

const ON_EVERY_ENGINE = /\bdescribe(OnEveryEngine|WithClock|WithPgBouncer|WithClusters|RemovedHistory)\(/;
const ON_TIMESCALE = /\bdescribeOnTimescale\(/;

const TESTS_ENGINE = {
  postgresql: (source) => ON_EVERY_ENGINE.test(source) || !ON_TIMESCALE.test(source),
  timescaledb: (source) => ON_EVERY_ENGINE.test(source) || ON_TIMESCALE.test(source),
};

module.exports = (paths) => {
  const isSelected = TESTS_ENGINE[process.env.TEST_ENGINE] ?? (() => true);
  return { filtered: paths.filter((path) => isSelected(readFileSync(path, 'utf8'))) };
};
