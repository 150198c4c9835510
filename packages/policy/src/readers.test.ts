import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problems } from './problems.ts';
import { durationText, Fields, parseDurationMs, parseRate, parseRatio } from './readers.ts';

interface Demo {
  readonly wait?: string;
  readonly share?: string;
  readonly most?: number;
  readonly growth?: number;
  readonly rate?: string;
  readonly on?: boolean;
  readonly jitter?: string;
  readonly name?: string;
  readonly codes?: readonly string[];
}
const KEYS = {
  wait: true,
  share: true,
  most: true,
  growth: true,
  rate: true,
  on: true,
  jitter: true,
  name: true,
  codes: true,
} as const;

function read(value: unknown): { fields: Fields<Demo>; problems: Problems } {
  const problems = new Problems().at('demo');
  return { fields: new Fields<Demo>(value, problems, KEYS), problems };
}

test.each([
  ['0ms', 0],
  ['50ms', 50],
  ['2s', 2_000],
  ['1.1s', 1_100],
  ['0.5ms', 0.5],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  ['2', undefined],
  ['-2s', undefined],
  ['2 s', undefined],
  ['2d', undefined],
  ['s', undefined],
  ['1e3ms', undefined],
  [2_000, undefined],
  [null, undefined],
])('the duration %j is %j ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each([
  ['50%', 0.5],
  ['0%', 0],
  ['12.5%', 0.125],
  ['150%', 1.5],
  ['50', undefined],
  ['-1%', undefined],
  [0.5, undefined],
])('the ratio %j is %j', (text, ratio) => {
  expect(parseRatio(text)).toBe(ratio);
});

test.each([
  ['100/s', { count: 100, perMs: 1_000 }],
  ['5/m', { count: 5, perMs: 60_000 }],
  ['20/500ms', { count: 20, perMs: 500 }],
  ['0.5/s', { count: 0.5, perMs: 1_000 }],
  ['3/0s', undefined],
  ['100', undefined],
  ['/s', undefined],
  [100, undefined],
])('the rate %j is %j', (text, rate) => {
  expect(parseRate(text)).toEqual(rate);
});

test('what was written in milliseconds is read back as it was', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999 }), (ms) => {
      expect(parseDurationMs(durationText(ms))).toBe(ms);
    }),
  );
});

test('what is left out gives the fallback, and nothing is wrong', () => {
  const { fields, problems } = read({});
  expect(fields.durationMs('wait', 7)).toBe(7);
  expect(fields.ratio('share', undefined)).toBeUndefined();
  expect(fields.count('most', 3)).toBe(3);
  expect(fields.number('growth', 2)).toBe(2);
  expect(fields.rate('rate', undefined)).toBeUndefined();
  expect(fields.flag('on', true)).toBe(true);
  expect(fields.choice('jitter', ['none', 'full'], 'full')).toBe('full');
  expect(fields.text('name', undefined)).toBeUndefined();
  expect(fields.list('codes', ['A'], String, 'code')).toEqual(['A']);
  expect(problems.found).toEqual([]);
});

test('what is right is read', () => {
  const { fields, problems } = read({
    wait: '2s',
    share: '50%',
    most: 4,
    growth: 1.5,
    rate: '9/s',
    on: false,
    jitter: 'none',
    name: 'n',
    codes: ['X'],
  });
  expect(fields.durationMs('wait', 7)).toBe(2_000);
  expect(fields.ratio('share', undefined)).toBe(0.5);
  expect(fields.count('most', 3)).toBe(4);
  expect(fields.number('growth', 2)).toBe(1.5);
  expect(fields.rate('rate', undefined)).toEqual({ count: 9, perMs: 1_000 });
  expect(fields.flag('on', true)).toBe(false);
  expect(fields.choice('jitter', ['none', 'full'], 'full')).toBe('none');
  expect(fields.text('name', undefined)).toBe('n');
  expect(fields.list('codes', [], (each) => (typeof each === 'string' ? each : undefined), 'code')).toEqual(['X']);
  expect(fields.has('wait')).toBe(true);
  expect(problems.found).toEqual([]);
});

describe('a fault names the path, the value and the fix', () => {
  test.each<[unknown, (fields: Fields<Demo>) => unknown, string]>([
    [
      { wait: 500 },
      (it) => it.durationMs('wait', 7),
      `demo.wait: 500 is no duration; write a text with ms, s, m or h, such as '500ms'`,
    ],
    [
      { wait: '2' },
      (it) => it.durationMs('wait', 7),
      `demo.wait: '2' is no duration; write a text with ms, s, m or h, such as '500ms'`,
    ],
    [
      { wait: '1ms' },
      (it) => it.durationMs('wait', 7, { min: 5 }),
      `demo.wait: '1ms' is out of range; give at least 5ms`,
    ],
    [{ share: 50 }, (it) => it.ratio('share', 7), `demo.share: 50 is no ratio; write a text with %, such as '50%'`],
    [{ share: '30' }, (it) => it.ratio('share', 7), `demo.share: '30' is no ratio; write a text with %, such as '30%'`],
    [{ share: 0.2 }, (it) => it.ratio('share', 7), `demo.share: 0.2 is no ratio; write a text with %, such as '20%'`],
    [{ share: '150%' }, (it) => it.ratio('share', 7), `demo.share: '150%' is out of range; give from 0% to 100%`],
    [{ most: '4' }, (it) => it.count('most', 7), `demo.most: '4' is no whole number; write it without quotes`],
    [{ most: 1.5 }, (it) => it.count('most', 7), `demo.most: 1.5 is no whole number; write it without quotes`],
    [{ most: 0 }, (it) => it.count('most', 7, { min: 1 }), `demo.most: 0 is out of range; give at least 1`],
    [{ most: 9 }, (it) => it.count('most', 7, { min: 1, max: 8 }), `demo.most: 9 is out of range; give from 1 to 8`],
    [{ growth: '2' }, (it) => it.number('growth', 7), `demo.growth: '2' is no number; write it without quotes`],
    [
      { rate: 100 },
      (it) => it.rate('rate', undefined) ?? 7,
      `demo.rate: 100 is no rate; write how many in how much time, such as '100/s'`,
    ],
    [
      { rate: '0/s' },
      (it) => it.rate('rate', undefined) ?? 7,
      `demo.rate: '0/s' is no rate; write how many in how much time, such as '100/s'`,
    ],
  ])('%j', (written, reader, fault) => {
    const { fields, problems } = read(written);
    expect(reader(fields)).toBe(7);
    expect(problems.found).toEqual([fault]);
  });

  test('words, flags, texts and lists', () => {
    const { fields, problems } = read({ on: 'yes', jitter: 'fulll', name: '', codes: 'X' });
    fields.flag('on', true);
    fields.choice('jitter', ['none', 'full'], 'full');
    fields.text('name', undefined);
    fields.list('codes', [], String, 'code');
    expect(problems.found).toEqual([
      `demo.on: 'yes' is neither true nor false`,
      `demo.jitter: 'fulll' is none of none, full`,
      `demo.name: '' is no text`,
      `demo.codes: 'X' is no list`,
    ]);
  });

  test('an entry of a list is named by its index', () => {
    const { fields, problems } = read({ codes: ['A', 4] });
    expect(fields.list('codes', [], (each) => (typeof each === 'string' ? each : undefined), 'code')).toEqual(['A']);
    expect(problems.found).toEqual(['demo.codes.1: 4 is no code']);
  });

  test('a key that nobody knows is named with the nearest one, and everything is told at once', () => {
    const { problems } = read({ wiat: '2s', zzz: 1 });
    expect(problems.found).toEqual([
      'demo.wiat: no policy has this; did you mean wait?',
      'demo.zzz: no policy has this; known here: wait, share, most, growth, rate, on, jitter, name, codes',
    ]);
  });

  test.each([[true], [null], [[]], ['x']])('a section that is %j', (value) => {
    const { fields, problems } = read(value);
    expect(fields.durationMs('wait', 7)).toBe(7);
    expect(problems.found).toHaveLength(1);
    expect(problems.found[0]).toContain('is no object; write { } for the defaults');
  });

  test('what an object inherits was not written', () => {
    const { fields, problems } = read(Object.create({ wait: '2s' }) as object);
    expect(fields.has('wait')).toBe(false);
    expect(fields.durationMs('wait', 7)).toBe(7);
    expect(problems.found).toEqual([]);
  });
});
