/** A moment for people, to the second, in UTC: "2026-11-30T10:02:11Z". */
export function describeMoment(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
