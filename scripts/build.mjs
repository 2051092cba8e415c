/**
 * Builds `dist` in a clone: compiles what changed, copies the Lua scripts, and removes the output of deleted sources.
 *
 * Every file is written under a temporary name and then renamed, and the compiler writes its build record
 * (tsconfig.build.tsbuildinfo) last. So a running program never loads half a file, and of two concurrent builds each
 * is complete when it ends.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const project = join(root, 'tsconfig.build.json');

function writeAtomically(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

const filesBelow = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];

const system = {
  ...ts.sys,
  writeFile: (file, text, byteOrderMark) => writeAtomically(file, byteOrderMark ? `\ufeff${text}` : text),
};
const host = ts.createSolutionBuilderHost(system, undefined, (diagnostic) => {
  process.stderr.write(
    ts.formatDiagnosticsWithColorAndContext([diagnostic], {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => process.cwd(),
      getNewLine: () => '\n',
    }),
  );
});

const { fileNames } = ts.getParsedCommandLineOfConfigFile(
  project,
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: host.reportDiagnostic },
);
const outputOf = (source) => join(dist, relative(root, source)).replace(/\.ts$/, '.js');

// The compiler does not notice that an output file was deleted: compile everything then.
const force = fileNames.some((source) => !existsSync(outputOf(source)));
const status = ts.createSolutionBuilder(host, [project], { force }).build();
if (status !== ts.ExitStatus.Success) process.exit(1);

for (const source of filesBelow(join(root, 'src')).filter((file) => file.endsWith('.lua'))) {
  const copy = outputOf(source);
  const content = readFileSync(source);
  if (!existsSync(copy) || !readFileSync(copy).equals(content)) writeAtomically(copy, content);
}
chmodSync(join(dist, 'src/cli.js'), 0o755); // the `tracker` command of an installation in /opt

for (const file of filesBelow(dist).filter((name) => /\.(js|js\.map|lua)$/.test(name))) {
  const source = join(root, relative(dist, file)).replace(/\.js(\.map)?$/, '.ts');
  if (!existsSync(source)) rmSync(file, { force: true });
}
