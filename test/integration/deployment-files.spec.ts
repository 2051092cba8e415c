import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/app-config.js';
import { APP_ROLES, ENV_VARIABLES } from '../../src/config/env.schema.js';
import { packagePath } from '../../src/database/sql-files.js';

const COMPOSE_FILE = packagePath('docker-compose.yml');
const compose = readFileSync(COMPOSE_FILE, 'utf8');
const dockerfile = readFileSync(packagePath('Dockerfile'), 'utf8');
const workflow = readFileSync(packagePath('.github/workflows/ci.yml'), 'utf8');
const { engines, bin } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as {
  engines: { node: string };
  bin: Record<string, string>;
};
const OUR_IMAGE = 'tracker-location-history:local';

interface Service {
  name: string;
  /** The blocks that it merges and its own block of the file, without comments. */
  text: string;
  /** Its variables, as written in the file. */
  environment: Map<string, string>;
}

/** Parsed by indentation, which is enough for these checks and needs no YAML parser. */
const services = [...childBlocks(topLevelBlock('services:'), 2)].map(([name, own]): Service => {
  const blocks = [...mergedBlocks(own), dedent(own)];
  const variables = blocks
    .map((block) => childBlocks(block, 2).get('environment') ?? '')
    .flatMap((lines) => [...lines.matchAll(/^ +(\w+): *(.*)$/gm)])
    .map(([, key = '', value = '']): [string, string] => [key, value]);
  return { name, text: blocks.join(''), environment: new Map(variables) };
});

/** The blocks that a block merges, from lowest to highest precedence. */
function mergedBlocks(block: string): string[] {
  const anchor = /^ {2,4}<<: \*(\w+)$/m.exec(block)?.[1];
  if (anchor === undefined) return [];
  const merged = topLevelBlock(`x-${anchor}: &${anchor}`);
  return [...mergedBlocks(merged), merged];
}

/** Removes two columns, by which a service is indented more than the blocks that it merges. */
function dedent(block: string): string {
  return block.replaceAll(/^ {2}/gm, '');
}

function topLevelBlock(heading: string): string {
  const start = compose.indexOf(`\n${heading}\n`);
  const [block = ''] =
    start < 0 ? [] : (/^(?: .*\n|\n)+/.exec(compose.slice(start + heading.length + 2)) ?? []);
  return block.replaceAll(/^ *#.*\n/gm, '');
}

function childBlocks(text: string, indent: number): Map<string, string> {
  const own = new RegExp(`^ {${indent}}([\\w-]+):(.*\\n(?: {${indent + 1},}.*\\n|\\n)*)`, 'gm');
  return new Map([...text.matchAll(own)].map(([, name = '', rest = '']) => [name, rest]));
}

const ours = services.filter(({ text }) => text.includes(`image: ${OUR_IMAGE}`));

/** The Docker plug-in, or the older stand-alone command. Both check a file without a Docker engine. */
const dockerCompose = [['docker', 'compose'], ['docker-compose']].find(
  ([command = '', ...args]) => spawnSync(command, [...args, 'version']).status === 0,
);

function checkWithDockerCompose(env: NodeJS.ProcessEnv) {
  const [command = '', ...args] = dockerCompose ?? [];
  return spawnSync(command, [...args, '--file', COMPOSE_FILE, 'config', '--quiet'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

describe('docker-compose.yml', () => {
  it('has the services of a production set-up', () => {
    const workers = ['api', 'location-history-refresher', 'tracker-report-fetcher'];
    expect(services.map(({ name }) => name)).toEqual(['db', 'redis', 'migrate', ...workers]);
    expect(ours.map(({ name }) => name)).toEqual(['migrate', ...workers]);
  });

  it('runs each role in one service', () => {
    const roles = ours.flatMap(({ environment }) => environment.get('APP_ROLES')?.split(',') ?? []);
    expect(roles).toEqual([...APP_ROLES]);
  });

  it('checks the health of each of our services at the port that it listens on', () => {
    const running = ours.filter(({ environment }) => environment.has('APP_ROLES'));
    expect(running).toHaveLength(3);
    for (const { text, environment } of running) {
      expect(text).toContain(`http://127.0.0.1:${environment.get('PORT') ?? ''}/health/`);
      expect(text).toContain('stop_grace_period: 35s');
    }
  });

  it.each(services)('$name uses an image of a fixed version', ({ text }) => {
    const [, image = ''] = /image: (\S+)/.exec(text) ?? [];
    expect(image).toMatch(
      image === OUR_IMAGE ? /:local$/ : /:[^:@]*\d+\.\d+\.\d+|:pg\d+\.\d+-ts\d+\.\d+\.\d+$/,
    );
  });

  it.each(services)('$name has a health check, unless it ends by itself', ({ text }) => {
    expect(text).toMatch(/^ {2}healthcheck:|^ {2}restart: 'no'/m);
  });

  it('contains no password', () => {
    const passwords = [...compose.matchAll(/PASSWORD: (.*)|:\/\/\w*:([^@\n]*)@/g)].map(([, a, b]) => a ?? b);
    expect(passwords.length).toBeGreaterThan(1);
    expect(new Set(passwords)).toEqual(
      new Set(['${POSTGRES_PASSWORD:?set it in .env}', '${FIND_MY_PASSWORD:-}']), // both from .env alone
    );
  });

  it('migrates by the command that the image has on its PATH', () => {
    const migrate = ours.find(({ name }) => name === 'migrate');
    expect(childBlocks(migrate?.text ?? '', 2).get('command')).toBe(' [tracker, migrate]\n');
    expect(dockerfile).toContain(`\nRUN ln -s /app/${bin['tracker'] ?? ''} /usr/local/bin/tracker\n`);
  });

  it('opens its ports to this machine only', () => {
    const ports = services.flatMap(({ text }) => childBlocks(text, 2).get('ports')?.match(/- .*/g) ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('- 127.0.0.1:'))).toEqual([]);
  });

  it.each(ours)('gives $name an environment that the product knows and accepts', ({ environment }) => {
    const known = [...ENV_VARIABLES.keys()];
    expect(known).toEqual(expect.arrayContaining([...environment.keys()]));

    const resolved = [...environment].map(([name, value]) => [
      name,
      value.replaceAll(/\$\{\w+:\?[^}]*\}/g, 'secret').replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]);
    const config = loadConfig(Object.fromEntries(resolved) as Record<string, string>);
    expect(config).toMatchObject({
      DATABASE_URL: 'postgresql://postgres:secret@db:5432/tracker',
      HISTORY_ENGINE: 'timescaledb',
      HOST: '0.0.0.0',
      LOG_FORMAT: 'text',
    });
  });

  (dockerCompose ? it : it.skip)('is valid for docker compose (skipped if it is not installed)', () => {
    expect(checkWithDockerCompose({ POSTGRES_PASSWORD: 'secret' })).toMatchObject({ status: 0, stderr: '' });
    const rejected = checkWithDockerCompose({ POSTGRES_PASSWORD: '' });
    expect(rejected.status).not.toBe(0);
    expect(rejected.stderr).toContain('set it in .env');
  });
});

describe('Dockerfile', () => {
  it('is based on one image of a fixed version, of the newest Node.js line that is tested', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    const pulled = bases.filter((image) => image !== 'base');
    expect(pulled).toEqual([expect.stringMatching(/^node:24\.\d+\.\d+-\w+-slim$/)]);
    expect(bases).toHaveLength(4);
  });

  it('runs as an unprivileged user', () => {
    expect(dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))).toMatch(/^USER (?!root|0)\S+$/m);
  });

  it('copies exactly the files that .dockerignore allows', () => {
    const ignored = readFileSync(packagePath('.dockerignore'), 'utf8');
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    const allowed = [...ignored.matchAll(/^!(.+)$/gm)].map(([, path = '']) => path);
    expect(ignored).toMatch(/^\*$/m);
    expect(new Set(allowed)).toEqual(new Set(copied));
  });
});

describe('.github/workflows/ci.yml', () => {
  it('runs .ci/run on every supported line of Node.js', () => {
    expect(workflow).toMatch(/^ {6}- run: \.ci\/run$/m);
    expect(workflow).toMatch(/^ {8}node: \[20, 22, 24\]$/m);
    expect(engines.node).toBe('^20.19 || ^22.13 || >=24.11');
  });

  it('tests the database image that docker-compose.yml runs', () => {
    const image = /image: (timescale\/\S+)/;
    expect(image.exec(workflow)?.[1]).toBe(image.exec(compose)?.[1]);
    expect(workflow).toContain('TEST_TIMESCALE_URL: postgresql://postgres:ci@db:5432/postgres');
  });
});
