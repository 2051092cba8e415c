/** What a check came to; printed as one line, and `more` below it. */
export interface Check {
  name: string;
  ok: boolean;
  detail: string;
  more?: readonly string[];
}

export function printCheck({ name, ok, detail, more = [] }: Check, say: (line: string) => void): void {
  say(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${detail}`);
  for (const line of more) say(`       ${line}`);
}

/** A check that there is nothing of something. */
export function noneOf(name: string, found: readonly unknown[]): Check {
  return {
    name,
    ok: found.length === 0,
    detail: found.length === 0 ? 'none' : String(found.length),
    more: found.slice(0, 10).map((one) => JSON.stringify(one)),
  };
}
