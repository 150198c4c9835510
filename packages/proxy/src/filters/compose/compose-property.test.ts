// Compositions against a model that knows when each part begins and ends, and puts the whole together by assignment.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { composeWorld, type Scripted } from './compose.fixture.ts';

const LEFT_MS = 1_000;
/** What is kept back of it. */
const USABLE_MS = 950;

interface Part {
  readonly after: readonly number[];
  /** Takes a value of these into its path. */
  readonly needs: readonly number[];
  readonly isOptional: boolean;
  readonly instead: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly afterMs: number;
  readonly answer: 'good' | 'nothing' | 'broken' | 'no JSON' | 'reset';
}

const parts = fc.array(
  fc.record({
    after: fc.array(fc.nat(9), { maxLength: 2 }),
    needs: fc.array(fc.nat(9), { maxLength: 1 }),
    isOptional: fc.boolean(),
    instead: fc.option(fc.nat(9), { nil: undefined }),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    afterMs: fc.nat(600),
    answer: fc.constantFrom<Part['answer']>('good', 'good', 'good', 'nothing', 'broken', 'no JSON', 'reset'),
  }),
  { minLength: 1, maxLength: 8 },
);

const ANSWERS: Readonly<Record<Part['answer'], Scripted>> = {
  good: {},
  nothing: { status: 404 },
  broken: { status: 500 },
  'no JSON': { body: Buffer.from('{') },
  reset: { fails: 'UPSTREAM_RESET' },
};
const CODES = {
  good: 'ok',
  nothing: 'nothing',
  broken: 'PART_REFUSED',
  'no JSON': 'PART_INVALID',
  reset: 'UPSTREAM_RESET',
};

interface Ended {
  readonly atMs: number;
  readonly code: string;
}

/** How each part ends, each waiting only for those before it. */
function modelled(all: readonly Part[]): readonly Ended[] {
  const ended: Ended[] = [];
  for (const part of all) {
    const waited = [...part.after, ...part.needs].flatMap((other) => ended[other] ?? []);
    const beginsMs = Math.max(0, ...waited.map(({ atMs }) => atMs));
    const isFed = part.needs.every((other) => ended[other] === undefined || ended[other].code === 'ok');
    const timeoutMs = Math.min(part.timeoutMs ?? Infinity, USABLE_MS);
    if (!isFed) ended.push({ atMs: beginsMs, code: 'PART_SKIPPED' });
    else if (part.afterMs > timeoutMs) ended.push({ atMs: beginsMs + timeoutMs, code: 'UPSTREAM_TIMEOUT' });
    else ended.push({ atMs: beginsMs + part.afterMs, code: CODES[part.answer] });
  }
  return ended;
}

const required = ({ isOptional, instead }: Part) => !isOptional && instead === undefined;

function expected(all: readonly Part[]) {
  const ended = modelled(all);
  // Where several fail at once the order among them is not the model's affair.
  const fatal = all.flatMap((part, at) => {
    const end = ended[at];
    return end !== undefined && required(part) && end.code !== 'ok' ? [end] : [];
  });
  const firstMs = Math.min(...fatal.map(({ atMs }) => atMs));
  if (fatal.length > 0)
    return {
      kind: 'lost',
      tookMs: firstMs,
      codes: fatal.filter(({ atMs }) => atMs === firstMs).map(({ code }) => code),
    };
  const tookMs = Math.max(...ended.map(({ atMs }) => atMs));
  if (ended.every(({ code }) => code !== 'ok' && code !== 'nothing'))
    return { kind: 'lost', tookMs, codes: [ended[0]?.code] };
  const members = all.flatMap((part, at): [string, unknown][] => {
    if (ended[at]?.code === 'ok') return [[`p${at}`, { v: at }]];
    return part.instead === undefined ? [] : [[`p${at}`, part.instead]];
  });
  const missing = ended.flatMap(({ code }, at) => (code === 'ok' || code === 'nothing' ? [] : [[`p${at}`, code]]));
  const partial = missing.length === 0 ? [] : [['partial', Object.fromEntries(missing)]];
  return { kind: 'whole', tookMs, text: JSON.stringify(Object.fromEntries([...members, ...partial])) };
}

test('any plan ends when its slowest needed part does, with what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(parts, async (drawn) => {
      // Nobody waits for who comes later, so there is no circle.
      const all = drawn.map((part, at) => ({
        ...part,
        after: part.after.filter((other) => other < at),
        needs: part.needs.filter((other) => other < at),
      }));
      const world = composeWorld(({ cluster }) => {
        const part = all[Number(cluster)];
        return { body: { v: Number(cluster) }, ...ANSWERS[part?.answer ?? 'good'], afterMs: part?.afterMs ?? 0 };
      });
      const written = all.map((part, at) => [
        `p${at}`,
        {
          to: String(at),
          path: `/${part.needs.map((other) => `{p${other}#/v}`).join('/')}`,
          after: part.after.map((other) => `p${other}`),
          ...(part.isOptional || part.instead !== undefined ? { optional: true } : {}),
          ...(part.instead === undefined ? {} : { default: part.instead }),
          ...(part.timeoutMs === undefined ? {} : { timeout: `${part.timeoutMs}ms` }),
        },
      ]);
      const said = await world.compose({ parts: Object.fromEntries(written) }, { ...world.passage(), leftMs: LEFT_MS });
      const wanted = expected(all);
      expect(said.tookMs).toBe(wanted.tookMs);
      if (wanted.text !== undefined) expect(said.text).toBe(wanted.text);
      else {
        // A 404 of a part that must be there is the whole's.
        const code = said.cause === 'PART_ANSWERED' ? 'nothing' : said.cause;
        expect(wanted.codes).toContain(code);
      }
      expect(world.clock.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('the same answers at any speed make the same whole', async () => {
  const delays = fc.array(fc.nat(300), { minLength: 5, maxLength: 5 });
  const written = {
    parts: Object.fromEntries(
      ['/x', '', '/x/y', '', '/z'].map((at, index) => [`p${index}`, { to: String(index), path: '/', at }]),
    ),
  };
  const texts = new Set<string>();
  await fc.assert(
    fc.asyncProperty(delays, async (all) => {
      const world = composeWorld(({ cluster }) => ({
        body: { [cluster]: 1, x: { [cluster]: 2 }, same: cluster },
        afterMs: all[Number(cluster)] ?? 0,
      }));
      texts.add((await world.compose(written)).text);
    }),
    { numRuns: 100 },
  );
  expect([...texts]).toHaveLength(1);
});
