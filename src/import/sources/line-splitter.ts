/** A line that is longer than allowed; its text has been dropped. */
export const TOO_LONG = Symbol('line too long');
export type Line = string | typeof TOO_LONG;

/**
 * Splits text that arrives in pieces at line feeds. Never holds more than one line of `maxLength` characters and a piece.
 *
 * (split2 can skip over-long lines too, but without a trace: the numbers of all lines that follow would be wrong.)
 */
export class LineSplitter {
  private begun = '';
  private overflown = false;

  /** @param maxLength in UTF-16 units, the line feed not counted. */
  constructor(private readonly maxLength: number) {}

  /** The lines that end in this piece, without their line feed; a carriage return stays. */
  push(piece: string): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let to = piece.indexOf('\n'); to !== -1; to = piece.indexOf('\n', from)) {
      lines.push(this.complete(piece.slice(from, to)));
      from = to + 1;
    }
    this.begin(piece.slice(from));
    return lines;
  }

  /** The last line, when it has no line feed at its end. */
  end(): Line | undefined {
    return this.begun === '' && !this.overflown ? undefined : this.complete('');
  }

  private complete(ending: string): Line {
    this.begin(ending);
    const line = this.overflown ? TOO_LONG : this.begun;
    this.begun = '';
    this.overflown = false;
    return line;
  }

  private begin(text: string): void {
    if (this.overflown || this.begun.length + text.length > this.maxLength) {
      this.overflown = true;
      this.begun = '';
    } else {
      this.begun += text; // a rope: joined once, when the line is parsed
    }
  }
}
