import { Fields } from '@fairlead/net';
import type { Identity } from '../../engine/filter.ts';
import { describe, expect, test } from 'vitest';
import { rangeOf } from './byte-range.ts';
import { partitionOf, resourceOf, sameOrigin, type KeySettings } from './cache-key.ts';
import { isSameForRange, isUnmodified } from './conditions.ts';
import { parseDirectives } from './directives.ts';
import { reuseOf, standsIn, type Reuse } from './reuse.ts';
import { notStored } from './storability.ts';
import { confirmed, recordOf } from './stored-answer.ts';
import { selectingOf, selects, varyNames } from './vary.ts';
import { date, fieldsOf, NOW, SETTINGS } from './rules.fixture.ts';

describe('what is stored', () => {
  const why = (
    lines: readonly (readonly [string, string])[],
    { status = 200, request = {}, settings = {} }: { status?: number; request?: object; settings?: object } = {},
  ) =>
    notStored(
      { status, fields: fieldsOf(...lines), askedAtMs: NOW, cameAtMs: NOW },
      { noStore: false, isIdentified: false, ...request },
      { ...SETTINGS, ...settings },
    );
  const cc = (text: string) => ['cache-control', text] as const;
  const fresh = cc('max-age=60');

  test.each([
    ['a fresh answer', [fresh], {}, undefined],
    ['any status that says so', [fresh], { status: 599 }, undefined],
    ['a failure that says so', [fresh], { status: 503 }, undefined],
    ['an answer that says nothing', [], {}, 'not-asked-to'],
    ['a tag alone', [['etag', '"a"']], {}, 'not-asked-to'],
    ['no-cache with a tag', [cc('no-cache'), ['etag', '"a"']], {}, undefined],
    ['no-cache without one', [cc('no-cache')], {}, 'useless'],
    ['max-age=0 with a date of change', [cc('max-age=0'), ['last-modified', date(-5)]], {}, undefined],
    ['max-age=0', [cc('max-age=0')], {}, 'useless'],
    ['max-age=0 that may be stale', [cc('max-age=0, stale-if-error=60')], {}, undefined],
    ['max-age=0 where all may be stale', [cc('max-age=0')], { settings: { staleIfErrorMs: 1 } }, undefined],
    ['no-store', [cc('no-store, max-age=60')], {}, 'no-store'],
    ['no-store that is to be understood, and is', [cc('no-store, must-understand, max-age=60')], {}, undefined],
    ['what is to be understood, and is not', [cc('must-understand, max-age=60')], { status: 599 }, 'no-store'],
    ['no-store of the request', [fresh], { request: { noStore: true } }, 'request-no-store'],
    ['private', [cc('private, max-age=60')], {}, 'private'],
    ['private fields', [cc('private="x-a", max-age=60')], {}, undefined],
    ['a targeted field that allows it', [cc('no-store'), ['cdn-cache-control', 'max-age=60']], {}, undefined],
    ['a targeted field that forbids it', [fresh, ['cdn-cache-control', 'no-store']], {}, 'no-store'],
    ['a part', [fresh], { status: 206 }, 'partial'],
    ['304', [fresh], { status: 304 }, 'status'],
    ['a status that is left out', [fresh], { status: 404, settings: { statuses: new Set([200]) } }, 'status'],
    ['Vary: *', [fresh, ['vary', 'accept, *']], {}, 'vary'],
    ['a cookie', [fresh, ['set-cookie', 'a=b']], {}, 'cookie'],
    ['a cookie that may be', [fresh, ['set-cookie', 'a=b']], { settings: { withCookies: true } }, undefined],
    ['a cookie that is left out', [cc('no-cache="Set-Cookie", max-age=60'), ['set-cookie', 'a=b']], {}, undefined],
    ['a stream of events', [fresh, ['content-type', 'text/event-stream; charset=utf-8']], {}, 'stream'],
    ['one to somebody', [fresh], { request: { isIdentified: true } }, 'identified'],
    ['one to somebody, public', [cc('public, max-age=60')], { request: { isIdentified: true } }, undefined],
    ['one to somebody, s-maxage', [cc('s-maxage=60')], { request: { isIdentified: true } }, undefined],
    [
      'one to somebody, must-revalidate',
      [cc('must-revalidate, max-age=60')],
      { request: { isIdentified: true } },
      undefined,
    ],
    ['one to somebody, immutable', [cc('immutable, max-age=60')], { request: { isIdentified: true } }, 'identified'],
  ] as const)('%s', (_what, lines, given, expected) => {
    expect(why(lines, given)).toBe(expected);
  });

  test('goes without what belongs to a connection, to its client, or is told anew', () => {
    const fields = fieldsOf(
      ['date', date(0)],
      ['connection', 'close, X-Hop'],
      ['x-hop', '1'],
      ['age', '5'],
      ['content-length', '3'],
      ['cache-status', 'x; hit'],
      ['set-cookie', 'a=b'],
      ['x-fairlead-node', 'n'],
      ['x-request-id', 'r'],
      ['cache-control', 'max-age=60, private="x-mine"'],
      ['x-mine', '1'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['cache-tag', 'a, b'],
      ['surrogate-key', 'b c'],
    );
    const record = recordOf(
      { resource: '/', partition: 'c', selecting: [], status: 200, fields, askedAtMs: NOW, cameAtMs: NOW },
      SETTINGS,
      false,
    );
    expect(record.fields.filter((_value, at) => at % 2 === 0)).toEqual([
      'date',
      'cache-control',
      'x-a',
      'x-a',
      'cache-tag',
      'surrogate-key',
    ]);
    expect(record).toMatchObject({ tags: ['a', 'b', 'c'], initialAgeMs: 5_000, lifetimeMs: 60_000 });
  });

  test('takes over what a 304 says, but for what says how its body is to be read', () => {
    const at = (fields: Fields, ms: number) => ({ fields, askedAtMs: ms, cameAtMs: ms });
    const stored = fieldsOf(
      ['cache-control', 'max-age=1'],
      ['date', date(0)],
      ['content-encoding', 'gzip'],
      ['x-a', '1'],
      ['x-b', '1'],
      ['age', '7'],
    );
    const record = recordOf(
      { resource: '/', partition: 'c', selecting: [], status: 200, ...at(stored, NOW) },
      SETTINGS,
      false,
    );
    const update = fieldsOf(
      ['cache-control', 'max-age=60'],
      ['content-encoding', 'br'],
      ['content-length', '9'],
      ['x-a', '2'],
      ['x-a', '3'],
    );
    const fresh = confirmed(record, at(update, NOW + 100_000), SETTINGS, false);
    const fields = new Fields(fresh.fields);
    expect(fields.all('x-a')).toEqual(['2', '3']);
    expect(fields.get('x-b')).toBe('1');
    expect(fields.get('content-encoding')).toBe('gzip');
    expect(fields.get('content-length')).toBeUndefined();
    expect(fresh).toMatchObject({ lifetimeMs: 60_000, initialAgeMs: 0, cameAtMs: NOW + 100_000 });
    expect(confirmed(record, at(fieldsOf(['age', '3']), NOW), SETTINGS, false).initialAgeMs).toBe(3_000);
  });
});

describe('what is given', () => {
  const CASES: readonly (readonly [string, string, number, string, Reuse, boolean])[] = [
    // What the answer says, its age, what the request says; what is done, and whether it stands in for a failure.
    ['fresh', 'max-age=60', 59, '', 'use', false],
    ['stale', 'max-age=60', 60, '', 'ask', false],
    ['no-cache', 'max-age=60, no-cache', 1, '', 'ask', false],
    ['the request asks anew', 'max-age=60', 1, 'no-cache', 'ask', false],
    ['the request wants younger', 'max-age=60', 10, 'max-age=9', 'ask', false],
    ['the request takes that age', 'max-age=60', 10, 'max-age=10', 'use', false],
    ['the request wants it fresh for longer', 'max-age=60', 50, 'min-fresh=11', 'ask', false],
    ['fresh for long enough', 'max-age=60', 50, 'min-fresh=10', 'use', false],
    ['the request takes any stale one', 'max-age=60', 600, 'max-stale', 'use', false],
    ['the request takes it so stale', 'max-age=60', 70, 'max-stale=10', 'use', false],
    ['the request takes it not so stale', 'max-age=60', 71, 'max-stale=10', 'ask', false],
    ['max-stale is no leave with must-revalidate', 'max-age=60, must-revalidate', 61, 'max-stale', 'ask', false],
    ['nor with proxy-revalidate', 'max-age=60, proxy-revalidate', 61, 'max-stale', 'ask', false],
    ['nor with s-maxage', 's-maxage=60', 61, 'max-stale', 'ask', false],
    ['while it is asked for anew', 'max-age=60, stale-while-revalidate=10', 69, '', 'refresh', false],
    ['not longer', 'max-age=60, stale-while-revalidate=10', 70, '', 'ask', false],
    ['not when it must be asked', 'max-age=60, must-revalidate, stale-while-revalidate=10', 61, '', 'ask', false],
    ['its own window with s-maxage', 's-maxage=60, stale-while-revalidate=10', 61, '', 'refresh', false],
    ['in the place of a failure', 'max-age=60, stale-if-error=10', 69, '', 'ask', true],
    ['not longer than that', 'max-age=60, stale-if-error=10', 70, '', 'ask', false],
    ['not when it must be asked, either', 'max-age=60, proxy-revalidate, stale-if-error=10', 61, '', 'ask', false],
    ['immutable is nothing once it is stale', 'max-age=60, immutable', 61, '', 'ask', false],
  ];

  test.each(CASES)('%s', (_what, answer, ageS, request, reuse, standIn) => {
    const stored = {
      ageMs: ageS * 1_000,
      lifetimeMs: 60_000,
      directives: parseDirectives(answer),
      status: 200,
    };
    const settings = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
    expect(reuseOf(stored, parseDirectives(request), settings)).toBe(reuse);
    expect(standsIn(stored, settings)).toBe(standIn);
  });

  test('what operators allow is for answers that say nothing of it, and are not strict', () => {
    const settings = { staleWhileRevalidateMs: 10_000, staleIfErrorMs: 10_000 };
    const stored = (answer: string, status = 200) => ({
      ageMs: 65_000,
      lifetimeMs: 60_000,
      directives: parseDirectives(answer),
      status,
    });
    const none = parseDirectives('');
    expect(reuseOf(stored('max-age=60'), none, settings)).toBe('refresh');
    expect(standsIn(stored('max-age=60'), settings)).toBe(true);
    expect(standsIn(stored('max-age=60', 503), settings)).toBe(false);
    for (const strict of [
      's-maxage=60',
      'max-age=60, must-revalidate',
      'max-age=60, stale-while-revalidate=0, stale-if-error=0',
    ]) {
      expect(reuseOf(stored(strict), none, settings)).toBe('ask');
      expect(standsIn(stored(strict), settings)).toBe(false);
    }
  });
});

describe('variants', () => {
  test.each([
    ['*', undefined],
    [', *', undefined],
    ['Foo, *', undefined],
    ['', []],
    ['B, a,, A', ['a', 'b']],
  ])('Vary: %j', (vary, names) => {
    expect(varyNames(vary)).toEqual(names);
  });

  test.each([
    ['accept-language', 'en, de', 'DE,  en', true],
    ['accept-language', 'en;q=1, de;q=0.5', 'en;q=0.5, de;q=1', false],
    ['accept-encoding', 'gzip, br', 'br,gzip', true],
    ['foo', '1, 2', '1,2', false],
    ['foo', '1', 'one', false],
    ['cookie', 'a=1', 'A=1', false],
  ])('%s: %j beside %j', (name, one, other, same) => {
    const selecting = selectingOf([name], fieldsOf([name, one]));
    expect(selects(selecting, fieldsOf([name, other]))).toBe(same);
    expect(selects(selecting, fieldsOf())).toBe(false);
  });

  test('several lines are one list, and nothing is not the same as empty', () => {
    expect(selects(selectingOf(['foo'], fieldsOf(['foo', '1, 2'])), fieldsOf(['foo', '1'], ['foo', '2']))).toBe(true);
    expect(selects(selectingOf(['foo'], fieldsOf()), fieldsOf(['foo', '']))).toBe(false);
  });
});

describe('conditions and ranges', () => {
  const stored = { etag: '"a"', modifiedAtMs: NOW - 5_000 };

  test.each([
    ['the same tag', [['if-none-match', '"a"']], true],
    ['one of several', [['if-none-match', '"x", W/"a"']], true],
    ['any', [['if-none-match', '*']], true],
    ['another', [['if-none-match', '"b"']], false],
    ['a comma within a tag', [['if-none-match', '"b,"a""']], false],
    ['a date as old', [['if-modified-since', date(-5)]], true],
    ['an older date', [['if-modified-since', date(-6)]], false],
    ['no date', [['if-modified-since', 'yesterday']], false],
    [
      'the tag before the date',
      [
        ['if-none-match', '"b"'],
        ['if-modified-since', date(0)],
      ],
      false,
    ],
    [
      'the tag before the date, either way',
      [
        ['if-none-match', '"a"'],
        ['if-modified-since', date(-60)],
      ],
      true,
    ],
  ] as const)('%s', (_what, lines, expected) => {
    expect(isUnmodified(fieldsOf(...lines), stored, NOW)).toBe(expected);
  });

  test('a date stands against when it came where there is no Last-Modified', () => {
    const none = { etag: undefined, modifiedAtMs: undefined };
    expect(isUnmodified(fieldsOf(['if-modified-since', date(0)]), none, NOW)).toBe(true);
    expect(isUnmodified(fieldsOf(['if-modified-since', date(-1)]), none, NOW)).toBe(false);
  });

  test.each([
    [undefined, true],
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    [date(-5), true],
    [date(-4), false],
  ])('If-Range: %j', (text, expected) => {
    expect(isSameForRange(text, stored, date(-5))).toBe(expected);
    expect(isSameForRange(text, { ...stored, etag: 'W/"a"' }, undefined)).toBe(text === undefined);
  });

  test.each([
    [undefined, 'whole'],
    ['bytes=0-1', { from: 0, to: 2 }],
    ['bytes=2-', { from: 2, to: 10 }],
    ['bytes=-3', { from: 7, to: 10 }],
    ['bytes=-30', { from: 0, to: 10 }],
    ['Bytes=5-500', { from: 5, to: 10 }],
    ['bytes=10-', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=3-2', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=0-1,4-5', 'whole'],
    ['lines=0-1', 'whole'],
    ['bytes=a-b', 'whole'],
  ])('Range: %j of ten', (text, expected) => {
    expect(rangeOf(text, 10)).toEqual(expected);
  });
});

describe('keys', () => {
  const all: KeySettings = { byHost: true, query: 'all', per: 'tenant' };
  const facts = { isTls: false, host: 'shop.test', path: '/a', query: '?b=1&utm_x=2&UTM_X=3' };

  test('have what tells answers apart', () => {
    expect(resourceOf(facts, all)).toBe('http://shop.test/a?b=1&utm_x=2&UTM_X=3');
    expect(resourceOf({ ...facts, isTls: true }, all)).toMatch(/^https:/);
    expect(resourceOf(facts, { ...all, byHost: false, query: 'none' })).toBe('/a');
    expect(resourceOf(facts, { ...all, query: { without: ['utm_*'] } })).toBe('http://shop.test/a?b=1&UTM_X=3');
    expect(resourceOf({ ...facts, query: '?utm_x=1' }, { ...all, query: { without: ['utm_x'] } })).toBe(
      'http://shop.test/a',
    );
  });

  test('keep tenants, subjects and destinations apart, whatever their names', () => {
    const who = (tenant?: string, subject?: string) => ({
      ...(tenant === undefined ? {} : { tenant }),
      ...(subject === undefined ? {} : { subject }),
      roles: [],
      scopes: [],
      claims: {},
    });
    const partition = (identity: Identity | undefined, more: object = {}, key = all) => {
      const to = { cluster: 'shop', upstreamTarget: '/a?b=1', upstreamHost: undefined };
      return partitionOf({ path: '/a', query: '?b=1', identity, ...to, ...more }, key);
    };
    const of = [undefined, who(), who(''), who('a'), who('b'), who('a","b'), who('null')];
    expect(new Set(of.map((each) => partition(each))).size).toBe(of.length);
    expect(partition(who('a', 'ada'))).toBe(partition(who('a', 'bob')));
    const subject: KeySettings = { ...all, per: 'subject' };
    expect(partition(who('a', 'ada'), {}, subject)).not.toBe(partition(who('a', 'bob'), {}, subject));
    const made = [
      {},
      { cluster: 'canary' },
      { upstreamTarget: '/c?b=1' },
      { upstreamTarget: '/a?c=1' },
      { upstreamHost: 'h' },
    ];
    expect(new Set(made.map((each) => partition(undefined, each))).size).toBe(made.length);
  });

  test.each([
    ['/b?c=1', { path: '/b', query: '?c=1' }],
    ['c', { path: '/c', query: '' }],
    ['http://shop.test:8080/d', { path: '/d', query: '' }],
    ['http://shop.test/d', undefined],
    ['https://shop.test:8080/d', undefined],
    ['//evil.test/d', undefined],
    ['http://', undefined],
    [undefined, undefined],
  ])('of one origin: %j', (location, expected) => {
    const found = sameOrigin(facts, 'shop.test:8080', location);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });
});
