import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import GithubSlugger from 'github-slugger';
import MarkdownIt from 'markdown-it';
import { packagePath } from '../../src/database/sql-files.js';

type Token = ReturnType<MarkdownIt['parse']>[number];

/** A code block: its language (empty if none is named), its text, and the line where it begins. */
export interface Block {
  language: string;
  text: string;
  line: number;
}

/** A Markdown document of this repository. */
export class Document {
  private readonly tokens: Token[];

  /** @param file path from the root of the repository. */
  constructor(readonly file: string) {
    this.tokens = new MarkdownIt({ html: true }).parse(readFileSync(packagePath(file), 'utf8'), {});
  }

  /** Code blocks in these languages, or all, in order. */
  blocks(...languages: string[]): Block[] {
    return this.tokens
      .filter(({ type, info }) => type === 'fence' && (languages.length === 0 || languages.includes(info)))
      .map(({ info, content, map }) => ({ language: info, text: content, line: (map?.[0] ?? 0) + 1 }));
  }

  /**
   * Blocks of a language below a heading, in order.
   *
   * @throws Error if there are none, so that a renamed heading is noticed.
   */
  blocksBelow(heading: string, language = 'sh'): string[] {
    const first = this.tokens.findIndex(
      ({ type }, i) => type === 'heading_open' && textOf(this.tokens[i + 1]) === heading,
    );
    const rest = this.tokens.slice(first + 1);
    const next = rest.findIndex(({ type }) => type === 'heading_open');
    const blocks = rest
      .slice(0, next === -1 ? undefined : next)
      .filter(({ type, info }) => type === 'fence' && info === language)
      .map(({ content }) => content);
    if (first === -1 || blocks.length === 0)
      throw new Error(`${this.file} has no ${language || 'plain'} block below "${heading}"`);
    return blocks;
  }

  /** Names of the variables that the commands below a heading export. */
  variablesBelow(heading: string): string[] {
    const commands = this.blocksBelow(heading).join('');
    return [...commands.matchAll(/^export (\w+)=/gm)].map(([, name = '']) => name);
  }

  /** Text of every `code span`. */
  codeSpans(): string[] {
    return this.inline('code_inline').map(({ content }) => content);
  }

  /** Targets of every link and picture. */
  links(): string[] {
    return [
      ...this.inline('link_open').map((token) => token.attrGet('href') ?? ''),
      ...this.inline('image').map((token) => token.attrGet('src') ?? ''),
    ];
  }

  /** Link targets (`#…`) that GitHub generates for the headings. */
  anchors(): string[] {
    const slugger = new GithubSlugger();
    return this.tokens.flatMap(({ type }, i) =>
      type === 'heading_open' ? [slugger.slug(textOf(this.tokens[i + 1]))] : [],
    );
  }

  /** Path of a linked file from the root of the repository. */
  resolve(target: string): string {
    return normalize(join(dirname(this.file), target));
  }

  private inline(type: string): Token[] {
    return this.tokens.flatMap(({ children }) => children ?? []).filter((token) => token.type === type);
  }
}

function textOf(token: Token | undefined): string {
  return (token?.children ?? []).map(({ content }) => content).join('');
}

/** The documents at the root of the repository and in docs/. */
export const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(packagePath('docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((file) => new Document(file));
