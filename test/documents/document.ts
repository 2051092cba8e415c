import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import GithubSlugger from 'github-slugger';
import MarkdownIt from 'markdown-it';
import { packagePath } from '../../src/database/sql-files.js';

type Token = ReturnType<MarkdownIt['parse']>[number];

/** A code block: its language (empty where none is named), its text, and the line it begins at. */
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

  /** Every code block, in order. */
  blocks(...languages: string[]): Block[] {
    return this.tokens
      .filter(({ type, info }) => type === 'fence' && (languages.length === 0 || languages.includes(info)))
      .map(({ info, content, map }) => ({ language: info, text: content, line: (map?.[0] ?? 0) + 1 }));
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

  /** What `#…` can lead to, as GitHub makes it from the headings. */
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

/** Every document for readers: those at the root and those in docs/. */
export const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(packagePath('docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((file) => new Document(file));
