/**
 * Four projects: `unit` needs no server; `scenarios` (on every engine), `integration` and `e2e` share one database
 * server that test/support/global-setup.js starts, or the server of TEST_DATABASE_URL. Files run in parallel: each has
 * its own databases, folders and ports, and none writes to `dist`.
 *
 * Nest 12 is ESM-only; jest runs it through SWC as CommonJS, which works on Node 20 without flags.
 */
const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/test/support/jest-setup.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: [
    '/node_modules/(?!(@nestjs|@as-integrations|@apollo|graphql-ws|graphql-http|stream-json|stream-chain|kdbush|geokdbush|tinyqueue|fast-check|pure-rand|p-limit|yocto-queue|github-slugger)/)',
  ],
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          target: 'es2022',
        },
        module: { type: 'commonjs' },
      },
    ],
  },
};

const withDatabase = {
  ...common,
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
};

export default {
  filter: '<rootDir>/test/support/engine-filter.cjs',
  maxWorkers: 3, // even on two cores, because tests mostly wait for the database
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/documents/**/*.spec.ts'],
      // Access to a global of the sandbox takes 100 ns, and the search for the nearest city uses Math often.
      sandboxInjectedGlobals: ['Math'],
    },
    { ...withDatabase, displayName: 'scenarios', testMatch: ['<rootDir>/test/scenarios/**/*.spec.ts'] },
    { ...withDatabase, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.spec.ts'] },
    { ...withDatabase, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.e2e-spec.ts'] },
  ],
};
