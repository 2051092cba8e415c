/** A number with its noun: `1 key`, `2 keys`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
