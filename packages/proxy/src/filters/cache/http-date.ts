const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)';
const TIME = '(\\d{2}):(\\d{2}):(\\d{2})';
/** Sun, 06 Nov 1994 08:49:37 GMT */
const FIXED = new RegExp(`^${DAY}, (\\d{2}) ([a-z]{3}) (\\d{4}) ${TIME} gmt$`, 'i');
/** Sunday, 06-Nov-94 08:49:37 GMT */
const RFC850 = new RegExp(`^[a-z]{6,9}, (\\d{2})-([a-z]{3})-(\\d{2}) ${TIME} gmt$`, 'i');
/** Sun Nov  6 08:49:37 1994 */
const ASCTIME = new RegExp(`^${DAY} ([a-z]{3}) ([ \\d]\\d) ${TIME} (\\d{4})$`, 'i');
/** Two digits that would be further ahead than this are of the century before (RFC 9110, section 5.6.7). */
const MOST_YEARS_AHEAD = 50;

/**
 * The time that an HTTP date says, in milliseconds since 1970; `undefined` when it is none of the three forms of RFC 9110,
 * section 5.6.7. Case is not looked at, the name of the day is believed. `nowMs` tells the century of two digits.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const fixed = FIXED.exec(text);
  if (fixed !== null) {
    const [, day, month, year, hour, minute, second] = fixed;
    return timeOf(Number(year), month, Number(day), hour, minute, second);
  }
  const old = RFC850.exec(text);
  if (old !== null) {
    const [, day, month, digits, hour, minute, second] = old;
    const now = new Date(nowMs).getUTCFullYear();
    let year = now - (now % 100) + Number(digits);
    if (year > now + MOST_YEARS_AHEAD) year -= 100;
    return timeOf(year, month, Number(day), hour, minute, second);
  }
  const bare = ASCTIME.exec(text);
  if (bare === null) return undefined;
  const [, month, day, hour, minute, second, year] = bare;
  return timeOf(Number(year), month, Number(day), hour, minute, second);
}

function timeOf(year: number, name = '', day: number, hour = '', minute = '', second = ''): number | undefined {
  const month = MONTHS.indexOf(name.toLowerCase());
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  // 60 is a leap second.
  if (month === -1 || h > 23 || m > 59 || s > 60) return undefined;
  const time = Date.UTC(year, month, day, h, m, Math.min(s, 59));
  return new Date(time).getUTCDate() === day ? time : undefined;
}

/** A time as a field says it. */
export function httpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}
