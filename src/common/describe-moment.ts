/** Formats a time for people: in UTC, to the second, e.g. "2026-11-30T10:02:11Z". */
export function describeMoment(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
