const arrows = require('./module-arrows.cjs');

const folders = Object.keys(arrows);
for (const [index, folder] of folders.entries()) {
  const notAbove = arrows[folder].filter((imported) => !folders.slice(0, index).includes(imported));
  if (notAbove.length > 0) {
    throw new Error(
      `module-arrows.cjs: ${folder} may not import ${notAbove.join(', ')}, which are not above it`,
    );
  }
}

/** Paths of the files of a folder in module-arrows.cjs, as a regular expression. */
const PATHS = {
  migrations: '^migrations/',
  entry: '^src/(main|cli)\\.ts$',
  app: '^src/(?!(main|cli)\\.ts$)[^/]+\\.ts$',
};
const pathOf = (folder) => PATHS[folder] ?? `^src/${folder}/`;

const TEST_FILES = '\\.spec\\.ts$|/testing/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...folders.map((folder) => ({
      name: `arrows-of-${folder}`,
      comment: 'module-arrows.cjs says which folders it may import.',
      severity: 'error',
      from: { path: pathOf(folder), pathNot: TEST_FILES },
      to: { path: '^(src|migrations)/', pathNot: [folder, ...arrows[folder]].map(pathOf) },
    })),
    {
      name: 'no-unknown-folder',
      comment: 'A new folder of src needs a line in module-arrows.cjs and in docs/architecture.md.',
      severity: 'error',
      from: { path: '^src/', pathNot: folders.map(pathOf) },
      to: {},
    },
    {
      name: 'no-repository-of-another-feature',
      comment: 'A feature reaches another one through its exported service.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/[^/]+/.+\\.repository\\.ts$', pathNot: '^src/$1/' },
    },
    {
      name: 'no-import-of-tests',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
