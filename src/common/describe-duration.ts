const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Formats a duration in its two largest units: "3 days 1 hour". @param ms milliseconds, not negative. */
export function describeDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const first = UNITS.findIndex(([, length]) => seconds >= length);
  if (first === -1) return '0 seconds';
  let left = seconds;
  return UNITS.slice(first, first + 2)
    .map(([name, length]) => {
      const count = Math.floor(left / length);
      left -= count * length;
      return count === 0 ? '' : `${count} ${name}${count === 1 ? '' : 's'}`;
    })
    .filter((part) => part !== '')
    .join(' ');
}
