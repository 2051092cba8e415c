import { getManyValues, type Many, none } from 'stream-chain/core';
import { jsonParser, type Token } from 'stream-json/core/parser.js';

export type { Token };

/** The tokenizer of stream-json, called by hand instead of as a stage of a stream, which costs a promise a token. */
export class JsonTokens {
  private readonly parse: (text: string | typeof none) => Many<Token> | typeof none = jsonParser({
    streamValues: false,
    jsonStreaming: true,
  }) as never;

  /** @throws Error with a message for a person; the tokens before the fault are lost. */
  of(text: string): readonly Token[] {
    return listOf(this.parse(text));
  }

  /** What can be told only when nothing more comes. @throws Error when something is not complete. */
  end(): readonly Token[] {
    return listOf(this.parse(none));
  }
}

function listOf(output: Many<Token> | typeof none): readonly Token[] {
  return output === none ? [] : getManyValues(output);
}
