/**
 * Four projects: `unit` needs nothing; `scenarios` (the same on every engine), `integration` and `e2e` share one database server that
 * test/support/global-setup.js starts (or is told of by TEST_DATABASE_URL). Files run side by side: each has databases, folders and
 * ports of its own, and nothing writes to `dist`.
 *
 * Nest 12 is ESM-only; jest runs it through SWC as CommonJS, which works on Node 20 without flags.
 */
const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/test/support/setup.ts'],
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
  filter: '<rootDir>/test/support/asked-engine.cjs',
  maxWorkers: 3, // on two cores as well: they wait for a database more than they compute
  projects: [
    // A name of the global object costs a hundred nanoseconds in the sandbox; searches of the nearest city need this one often.
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/documents/**/*.spec.ts'],
      sandboxInjectedGlobals: ['Math'],
    },
    { ...withDatabase, displayName: 'scenarios', testMatch: ['<rootDir>/test/scenarios/**/*.spec.ts'] },
    { ...withDatabase, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.spec.ts'] },
    { ...withDatabase, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.e2e-spec.ts'] },
  ],
};
