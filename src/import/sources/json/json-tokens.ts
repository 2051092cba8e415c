import { getManyValues, type Many, none } from 'stream-chain/core';
import { jsonParser, type Token } from 'stream-json/core/parser.js';

export type { Token };

/** The tokenizer of stream-json, called directly; as part of a stream it would need a promise per token. */
export class JsonTokens {
  private readonly parse: (text: string | typeof none) => Many<Token> | typeof none = jsonParser({
    streamValues: false,
    jsonStreaming: true,
  }) as never;

  /** @throws Error with a readable message; the tokens before the error are lost. */
  of(text: string): readonly Token[] {
    return listOf(this.parse(text));
  }

  /** The last tokens, after the end of the input. @throws Error when the input is incomplete. */
  end(): readonly Token[] {
    return listOf(this.parse(none));
  }
}

function listOf(output: Many<Token> | typeof none): readonly Token[] {
  return output === none ? [] : getManyValues(output);
}
