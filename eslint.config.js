import tseslint from 'typescript-eslint';

const typeormOutsideRepositories = {
  name: 'typeorm',
  message: 'Only repositories, entities, migrations, src/database and src/migration may use the database.',
};

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'coverage', '.data'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'no-console': 'error',
      '@typescript-eslint/no-extraneous-class': 'off', // Nest modules are classes without members
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'off', // constructor types must stay values for Nest's injector
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // models and options are filled from plain objects
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [
      'src/database/**',
      'src/migration/**',
      'src/**/*.repository.ts',
      'src/**/*.entity.ts',
      'src/**/*.spec.ts',
    ],
    rules: { 'no-restricted-imports': ['error', { paths: [typeormOutsideRepositories] }] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/**', 'src/main.ts', 'src/cli/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read the environment in src/config only.' },
      ],
    },
  },
);
