/** A line that is longer than allowed; its text was dropped. */
export const TOO_LONG = Symbol('line too long');
export type Line = string | typeof TOO_LONG;

/**
 * Splits text at line feeds. The text arrives in pieces; buffers at most one line of `maxLength` characters and one
 * piece.
 *
 * (split2 can skip overlong lines too, but silently: the numbers of all lines after them would be wrong.)
 */
export class LineSplitter {
  private pending = '';
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
    this.append(piece.slice(from));
    return lines;
  }

  /** Returns the last line if it has no line feed at its end. */
  end(): Line | undefined {
    return this.pending === '' && !this.tooLong ? undefined : this.complete('');
  }

  private complete(ending: string): Line {
    this.append(ending);
    const line = this.tooLong ? TOO_LONG : this.pending;
    this.pending = '';
    this.tooLong = false;
    return line;
  }

  private append(text: string): void {
    if (this.tooLong || this.pending.length + text.length > this.maxLength) {
      this.tooLong = true;
      this.pending = '';
    } else {
      this.pending += text; // V8 joins the parts once, when the line is parsed
    }
  }
}
