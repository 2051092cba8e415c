/**
 * Builds `dist` in a clone: compiles what changed, copies the Lua scripts, and removes the output of deleted sources.
 *
 * Every file is written beside its place and renamed into it, and the compiler writes its record of the build
 * (tsconfig.build.tsbuildinfo) last. So a running program never loads half a file, and two builds at once are both
 * complete when they end.
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

/** Replaces a file as a whole. */
function writeAtomically(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}.tmp`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, file);
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

// The compiler trusts its record; somebody may have deleted a part of what it says is there.
const force = fileNames.some((source) => !existsSync(outputOf(source)));
const status = ts.createSolutionBuilder(host, [project], { force }).build();
if (status !== ts.ExitStatus.Success) process.exit(1);

for (const source of filesBelow(join(root, 'src')).filter((file) => file.endsWith('.lua'))) {
  const copy = outputOf(source);
  const content = readFileSync(source);
  if (!existsSync(copy) || !readFileSync(copy).equals(content)) writeAtomically(copy, content);
}
chmodSync(join(dist, 'src/cli.js'), 0o755); // the `tracker` command of a copy under /opt

for (const file of filesBelow(dist).filter((name) => /\.(js|js\.map|lua)$/.test(name))) {
  const source = join(root, relative(dist, file)).replace(/\.js(\.map)?$/, '.ts');
  if (!existsSync(source)) rmSync(file, { force: true });
}
