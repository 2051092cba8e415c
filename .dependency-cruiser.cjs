const base = '^src/(config|database|embedded|locking|pg-listener|jobs|announcements|common)/';
const features =
  '^src/(trackers|location-history|geocoding|aggregates|import|health|playground|demo|export|live)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'base-modules-know-no-feature',
      severity: 'error',
      from: { path: base },
      to: { path: features },
    },
    {
      name: 'no-repository-of-another-feature',
      comment: 'A feature reaches another one through its exported service.',
      severity: 'error',
      from: { path: '^src/([^/]+)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^src/[^/]+/.+\\.repository\\.ts$', pathNot: '^src/$1/' },
    },
    {
      name: 'product-code-knows-no-test',
      severity: 'error',
      from: { path: '^(src|migrations)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
