/** The result of a check, printed as one line, with the lines of `more` below it. */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
  more?: readonly string[];
}

export function printCheck({ name, ok, detail, more = [] }: Check, print: (line: string) => void): void {
  print(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${detail}`);
  for (const line of more) print(`       ${line}`);
}

/** A check that passes if nothing was found. */
export function noneOf(name: string, found: readonly unknown[]): Check {
  return {
    name,
    ok: found.length === 0,
    detail: found.length === 0 ? 'none' : String(found.length),
    more: found.slice(0, 10).map((one) => JSON.stringify(one)),
  };
}
