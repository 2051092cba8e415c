/** A line that is longer than allowed; its text was dropped. */
export const TOO_LONG = Symbol('line too long');
export type Line = string | typeof TOO_LONG;

/**
 * Splits text that arrives in pieces at line feeds. Holds at most one line of `maxLength` characters and one piece.
 *
 * (split2 can skip overlong lines too, but silently: the numbers of all lines after them would be wrong.)
 */
export class LineSplitter {
  private begun = '';
  private tooLong = false;

  /** @param maxLength in UTF-16 units, not counting the line feed. */
  constructor(private readonly maxLength: number) {}

  /** Returns the lines that end in this piece, without their line feed; a carriage return stays. */
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

  /** Returns the last line if it has no line feed at its end. */
  end(): Line | undefined {
    return this.begun === '' && !this.tooLong ? undefined : this.complete('');
  }

  private complete(ending: string): Line {
    this.begin(ending);
    const line = this.tooLong ? TOO_LONG : this.begun;
    this.begun = '';
    this.tooLong = false;
    return line;
  }

  private begin(text: string): void {
    if (this.tooLong || this.begun.length + text.length > this.maxLength) {
      this.tooLong = true;
      this.begun = '';
    } else {
      this.begun += text; // V8 makes a rope, and joins it once when the line is parsed
    }
  }
}
