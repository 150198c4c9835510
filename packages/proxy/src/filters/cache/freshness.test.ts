import { describe, expect, test } from 'vitest';
import { parseDirectives, parseTargeted } from './directives.ts';
import { initialAgeOf, lifetimeOf } from './freshness.ts';
import { parseHttpDate } from './http-date.ts';
import { date, fieldsOf, NOW, SETTINGS } from './rules.fixture.ts';

describe('dates', () => {
  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sunday, 06-Nov-94 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Sun Nov  6 08:49:37 1994', Date.UTC(1994, 10, 6, 8, 49, 37)],
    ['Thursday, 18-Aug-50 02:01:18 GMT', Date.UTC(2050, 7, 18, 2, 1, 18)],
    ['THU, 18 AUG 2050 02:01:18 gmt', Date.UTC(2050, 7, 18, 2, 1, 18)],
    ['Thu, 18 Aug 2050 02:01:18 UTC', undefined],
    ['Thu, 18 Aug 50 02:01:18 GMT', undefined],
    ['Thu 18 Aug 2050 02:01:18 GMT', undefined],
    ['Thu, 18  Aug  2050 02:01:18 GMT', undefined],
    ['Thu, 18-Aug-2050 02:01:18 GMT', undefined],
    ['Thu, 18 Aug 2050 02.01.18 GMT', undefined],
    ['Thu, 18 Aug 2050 2:01:18 GMT', undefined],
    ['Thu, 31 Feb 2050 02:01:18 GMT', undefined],
    ['Thu, 18 Aug 2050 24:01:18 GMT', undefined],
    ['Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT', undefined],
    ['0', undefined],
    ['', undefined],
  ])('%j is read as RFC 9110 has it', (text, expected) => {
    expect(parseHttpDate(text, NOW)).toBe(expected);
  });
});

describe('directives', () => {
  test.each([
    ['max-age=60', { maxAge: 60 }],
    ['MaX-aGe=060, No-StOrE', { maxAge: 60, noStore: true }],
    ['max-age="60"', { maxAge: 60 }],
    ["max-age='60'", { maxAge: 0 }],
    ['max-age=-1', { maxAge: 0 }],
    ['max-age=60.5', { maxAge: 0 }],
    ['max-age', { maxAge: 0 }],
    ['max-age=99999999999', { maxAge: 2 ** 31 }],
    ['max-age=60, max-age=60', { maxAge: 60 }],
    ['max-age=1800, max-age=1', { maxAge: 0 }],
    ['x="max-age=60, no-store", max-age=1', { maxAge: 1, noStore: false }],
    ['max-age=1, x="a\\"b, no-store"', { maxAge: 1, noStore: false }],
    ['max-age =60', { maxAge: undefined }],
    ['max-age= 60, public', { maxAge: undefined, isPublic: true }],
    ['private="Set-Cookie, X-A"', { isPrivate: false, withoutFields: ['set-cookie', 'x-a'] }],
    ['private, private="a"', { isPrivate: true }],
    ['no-cache="a", no-cache=b', { noCache: false, withoutFields: ['a', 'b'] }],
    ['no-cache=""', { noCache: true }],
    ['max-stale', { maxStale: Infinity }],
    ['max-stale=5, min-fresh=2, only-if-cached', { maxStale: 5, minFresh: 2, onlyIfCached: true }],
    [',, ,public,', { isPublic: true }],
    ['"no-store', { noStore: false }],
    ['a="b, no-store', { noStore: false }],
    ['(), no-store', { noStore: true }],
  ])('%j', (text, expected) => {
    expect(parseDirectives(text)).toMatchObject(expected);
  });

  test.each([
    ['max-age=60', { maxAge: 60 }],
    ['max-age=60;a=1, private', { maxAge: 60, isPrivate: true }],
    ['private=?0, max-age=5', { isPrivate: false, maxAge: 5 }],
    ['max-age="60"', undefined],
    ['max-age=60, &&&&&', undefined],
    ['MaX-aGe=60', undefined],
    ['max-age= 60', undefined],
    ['max-age=60,', undefined],
    ['', undefined],
  ])('%j of a targeted field', (text, expected) => {
    if (expected === undefined) expect(parseTargeted(text)).toBeUndefined();
    else expect(parseTargeted(text)).toMatchObject(expected);
  });

  test('a field of 16 KiB that is meant to be slow is read', () => {
    for (const text of ['a="'.repeat(5_000), `${'a=b '.repeat(4_000)}"`, ', '.repeat(8_000), '"'.repeat(16_001)])
      expect(parseDirectives(text).noStore).toBe(false);
  });
});

describe('freshness', () => {
  const life = (lines: readonly (readonly [string, string])[], status = 200, settings = {}) =>
    lifetimeOf({ status, fields: fieldsOf(...lines), askedAtMs: NOW, cameAtMs: NOW }, { ...SETTINGS, ...settings });

  test.each([
    ['s-maxage before max-age', [['cache-control', 'max-age=10, s-maxage=60']], 60],
    [
      'max-age before Expires',
      [
        ['cache-control', 'max-age=10'],
        ['expires', date(3_600)],
        ['date', date(0)],
      ],
      10,
    ],
    [
      'Expires from Date on',
      [
        ['expires', date(3_600)],
        ['date', date(60)],
      ],
      3_540,
    ],
    ['Expires from now on where there is no Date', [['expires', date(3_600)]], 3_600],
    [
      'an Expires in the past',
      [
        ['expires', date(-5)],
        ['date', date(0)],
      ],
      0,
    ],
    [
      'an Expires that is none',
      [
        ['expires', '0'],
        ['last-modified', date(-100_000)],
      ],
      0,
    ],
    [
      'two lines of Expires',
      [
        ['expires', date(60)],
        ['expires', date(60)],
      ],
      0,
    ],
    [
      'a targeted field before all',
      [
        ['cdn-cache-control', 'max-age=5'],
        ['cache-control', 's-maxage=60'],
        ['expires', date(60)],
      ],
      5,
    ],
    [
      'a targeted field that says nothing of it',
      [
        ['cdn-cache-control', 'public'],
        ['expires', date(60)],
      ],
      0,
    ],
    [
      'a targeted field that is none',
      [
        ['cdn-cache-control', '&'],
        ['cache-control', 'max-age=7'],
      ],
      7,
    ],
  ] as const)('%s', (_what, lines, expected) => {
    expect(life(lines).ms).toBe(expected * 1_000);
  });

  test('by a share of the time since the last change, at most so long, and only where statuses allow it', () => {
    const lines = [
      ['last-modified', date(-1_000)],
      ['date', date(0)],
    ] as const;
    expect(life(lines)).toEqual({ ms: 0, by: 'nobody' });
    expect(life(lines, 200, { heuristicShare: 0.1 })).toEqual({ ms: 100_000, by: 'heuristic' });
    expect(life(lines, 200, { heuristicShare: 0.1, heuristicMostMs: 5 })).toEqual({ ms: 5, by: 'heuristic' });
    for (const status of [201, 202, 302, 403, 500, 502, 503, 504, 599])
      expect(life(lines, status, { heuristicShare: 0.1, defaultMs: 9 }).by).toBe('nobody');
    expect(life([...lines, ['cache-control', 'public']], 599, { heuristicShare: 0.1 }).ms).toBe(100_000);
    expect(life([], 404, { defaultMs: 9 })).toEqual({ ms: 9, by: 'default' });
  });

  test.each([
    ['no Age and no Date', [], 0],
    ['an old Date', [['date', date(-30)]], 30],
    ['a Date ahead of us', [['date', date(30)]], 0],
    [
      'Age',
      [
        ['age', '40'],
        ['date', date(-30)],
      ],
      42,
    ],
    ['Age, the first of several', [['age', '40, 0']], 42],
    [
      'Age of two lines',
      [
        ['age', '0'],
        ['age', '7200'],
      ],
      2,
    ],
    ['Age that is no number', [['age', '7200.0']], 2],
    ['Age below 0', [['age', '-7200']], 2],
    ['Age beyond all bounds', [['age', '99999999999']], 2 ** 31 + 2],
  ] as const)('age at the beginning: %s', (_what, lines, expected) => {
    const facts = { status: 200, fields: fieldsOf(...lines), askedAtMs: NOW - 2_000, cameAtMs: NOW };
    expect(initialAgeOf(facts)).toBe((expected === 0 ? 2 : expected) * 1_000);
  });

  test('a clock that was set back makes nothing younger', () => {
    const facts = { status: 200, fields: fieldsOf(['age', '5']), askedAtMs: NOW, cameAtMs: NOW - 60_000 };
    expect(initialAgeOf(facts)).toBe(5_000);
  });
});
