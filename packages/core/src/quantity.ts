const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/**
 * `10s` → 10 000. `undefined` when the text isn't a non-negative number with one of `ms s m h`, or isn't a whole number of
 * milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, DURATION_UNITS);
}

/** `64KiB` → 65 536. `undefined` when the text isn't a non-negative number with one of `B KiB MiB GiB`, or isn't a whole number of bytes. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, SIZE_UNITS);
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)([A-Za-z]{1,3})$/.exec(text);
  const [, number, unit] = match ?? [];
  if (number === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  // Rounded to the thousandth first: 0.1 * 3 600 000 must not fail for its last binary digit.
  const value = Math.round(Number(number) * (units[unit] ?? 0) * 1_000) / 1_000;
  return Number.isSafeInteger(value) ? value : undefined;
}
