import { describe, expect, test } from 'vitest';
import { rhythmOf } from './rhythm.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

describe('cron expressions', () => {
  test.each([
    ['at three in Berlin, in winter', '0 3 * * *', 'Europe/Berlin', '2026-01-10T00:00:00Z', '2026-01-10T02:00:00Z'],
    ['at three in Berlin, in summer', '0 3 * * *', 'Europe/Berlin', '2026-07-10T00:00:00Z', '2026-07-10T01:00:00Z'],
    [
      'a time that is left out in spring',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      '2026-03-29T01:00:00Z',
    ],
    ['the day after it', '30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z'],
    [
      'a time that comes twice, the first',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T12:00:00Z',
      '2026-10-25T00:30:00Z',
    ],
    ['and not the second', '30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    [
      'each quarter goes on through both hours',
      '*/15 * * * *',
      'Europe/Berlin',
      '2026-10-25T00:45:00Z',
      '2026-10-25T01:00:00Z',
    ],
    [
      'each quarter leaves the gap out',
      '*/15 * * * *',
      'Europe/Berlin',
      '2026-03-29T00:45:00Z',
      '2026-03-29T01:00:00Z',
    ],
    ['a leap day', '0 0 29 2 *', 'UTC', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['the last day of a month', '0 12 L * *', 'UTC', '2027-02-01T00:00:00Z', '2027-02-28T12:00:00Z'],
    ['the day of the month or of the week', '0 0 13 * FRI', 'UTC', '2026-11-10T00:00:00Z', '2026-11-13T00:00:00Z'],
    ['whichever of the two is first', '0 0 13 * FRI', 'UTC', '2026-11-13T00:00:00Z', '2026-11-20T00:00:00Z'],
    ['Sunday is 7 as well', '0 0 * * 7', 'UTC', '2026-11-10T00:00:00Z', '2026-11-15T00:00:00Z'],
    ['with seconds', '*/20 * * * * *', 'UTC', '2026-11-10T00:00:21Z', '2026-11-10T00:00:40Z'],
    ['by name', '@monthly', 'UTC', '2026-11-10T00:00:00Z', '2026-12-01T00:00:00Z'],
  ])('%s', (_title, cron, timeZone, from, next) => {
    const rhythm = rhythmOf('s', { cron, timeZone });
    expect(iso(rhythm.after(at(from)))).toBe(next);
    expect(iso(rhythm.upTo(at(next)))).toBe(next);
    expect(rhythm.upTo(at(next) - 1)).toBeLessThanOrEqual(at(from));
  });

  test('going forward and looking back agree, through both changes of the clocks', () => {
    for (const cron of ['30 2 * * *', '*/15 * * * *', '0 1-3 * * *', '59 23 * * SUN']) {
      const rhythm = rhythmOf('s', { cron, timeZone: 'Europe/Berlin' });
      for (const day of ['2026-03-28', '2026-10-24']) {
        const end = at(`${day}T23:00:00Z`) + 2 * 86_400_000;
        for (let ms = rhythm.after(at(`${day}T00:00:00Z`)); ms < end;) {
          const next = rhythm.after(ms);
          expect(next).toBeGreaterThan(ms);
          for (const between of [ms, ms + 1, ms + 999, Math.floor((ms + next) / 2), next - 1])
            expect([cron, iso(between), iso(rhythm.upTo(between))]).toEqual([cron, iso(between), iso(ms)]);
          ms = next;
        }
      }
    }
  });

  test.each([
    ['61 * * * *', 'UTC', 'Invalid value for minute: 61'],
    ['0 3 * *', 'UTC', "can't be read"],
    ['0 0 30 2 *', 'UTC', 'never comes'],
    ['2026-01-01T00:00:00', 'UTC', 'five or six fields'],
    ['0 3 * * *', 'Europe/Berlim', "Invalid timezone 'Europe/Berlim'"],
  ])('%s in %s is refused', (cron, timeZone, reason) => {
    expect(() => rhythmOf('mail', { cron, timeZone })).toThrow(
      expect.objectContaining({ code: 'MISCONFIGURED', message: expect.stringContaining(reason) }),
    );
    expect(() => rhythmOf('mail', { cron, timeZone })).toThrow(`schedule "mail": cron "${cron}" in ${timeZone}`);
  });
});
