import { FairleadError, seededRandom } from '@fairlead/core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { answering, get, OK, type Written } from '../engine/engine.fixture.ts';
import { newPasswordHash } from '../filters/basic-auth/password-hash.ts';
import { isOpenText } from '../snapshot/open-text.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { readSnapshot, snapshotFrom } from '../snapshot/read-snapshot.ts';
import { adminContract } from './admin-contract.ts';
import { administered } from './admin.fixture.ts';
import { shownConfig } from './shown-config.ts';

const MARK = 'hunter2-very-secret';

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
}

/** Every text that a form has room for, each as the path to it. `any`: as a member of the name, at any place. */
function textsOf(schema: Schema, path: readonly string[] = [], depth = 0): string[][] {
  if (depth > 8) return [];
  const inner = [
    ...(schema.anyOf ?? []).flatMap((each) => textsOf(each, path, depth + 1)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) => textsOf(each, [...path, name], depth + 1)),
    ...(typeof schema.additionalProperties === 'object'
      ? textsOf(schema.additionalProperties, [...path, 'x-name'], depth + 1)
      : []),
    ...(schema.items === undefined ? [] : textsOf(schema.items, [...path, '0'], depth + 1)),
  ];
  const isText = schema.type === 'string' && schema.const === undefined && schema.enum === undefined;
  // What may be anything may be a text.
  const isAnything = Object.keys(schema).every((key) => ['description', '$ref', 'default'].includes(key));
  return isText || isAnything ? [[...path], ...inner] : inner;
}

/** Something that has a text at a path, and nothing else. */
function holding(path: readonly string[], text: string): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return text;
  const inner = holding(rest, text);
  return step === '0' ? [inner] : { [step]: inner };
}

/** Paths of all texts of all kinds. */
const places = FILTER_KINDS.flatMap((kind) => {
  // `as`: what zod makes is a schema.
  const schema = z.toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  return textsOf(schema)
    .filter((path) => path[0] !== 'type')
    .map((path) => ({ kind, path }));
});

test('there are texts to be looked at in every kind that has any', () => {
  expect(places.length).toBeGreaterThan(150);
  const known = new Set(places.map(({ kind, path }) => `${kind.type} ${path.join('.')}`));
  for (const secret of [
    'basic-auth users.0.hash',
    'api-key consumers.0.keys.0',
    'headers request.set.x-name',
    'jwt keys.0.x-name',
  ])
    expect(known).toContain(secret);
});

test('every kind has said which of its texts are no secret', () => {
  expect(FILTER_KINDS.filter(({ open }) => open === undefined).map(({ type }) => type)).toEqual([]);
});

test('a text of any option of any kind is withheld unless its kind says that it is no secret', () => {
  for (const { kind, path } of places) {
    const filter = { type: kind.type, ...(holding(path, MARK) as object) };
    for (const whole of [{ filters: [filter] }, { routes: [{ name: 'a', filters: [filter] }] }]) {
      const shown = JSON.stringify(shownConfig(whole, FILTER_KINDS).written);
      const isOpen = isOpenText(path, kind.open ?? []);
      expect([kind.type, path.join('.'), shown.includes(MARK)]).toEqual([kind.type, path.join('.'), isOpen]);
    }
  }
});

test('a kind that says nothing, or that nobody knows, shows nothing but itself', () => {
  const silent = { type: 'silent', schema: z.unknown(), explain: () => '', make: () => ({ type: 'silent' }) };
  const written = { filters: [{ type: 'silent', a: MARK, b: { c: [MARK] }, d: 7, e: true }] };
  expect(shownConfig(written, [silent])).toEqual({
    written: { filters: [{ type: 'silent', a: '[withheld]', b: { c: ['[withheld]'] }, d: 7, e: true }] },
    withheld: 2,
  });
  expect(JSON.stringify(shownConfig(written, []))).not.toContain('silent');
  expect(shownConfig({ some: { later: { option: MARK } }, listeners: [{ later: MARK }] }, FILTER_KINDS).withheld).toBe(
    2,
  );
});

test('filters within filters are shown as their own kinds allow', () => {
  const inner = { type: 'headers', request: { set: { 'x-a': MARK } }, answer: { set: { 'x-b': 'shown' } } };
  const written = {
    filters: [{ type: 'by-consumer', cases: [{ consumers: ['ann'], filters: [inner] }], otherwise: [inner] }],
  };
  const shown = JSON.stringify(shownConfig(written, FILTER_KINDS).written);
  expect(shown).not.toContain(MARK);
  expect(shown.match(/shown/g)).toHaveLength(2);
  expect(shown).toContain('ann');
});

test('what a problem quotes of a filter is only what is open', () => {
  for (const { kind, path } of places) {
    // What a filter is called is quoted: that there is none of that name.
    if (isOpenText(path, kind.open ?? []) || path.at(-1) === 'type') continue;
    // As a text where something else belongs, and within a text that is refused.
    for (const text of [MARK, `${MARK}\n\u0000`]) {
      for (const at of [path, path.slice(0, 1)]) {
        const filter = { type: kind.type, ...(holding(at, text) as object) };
        const whole = { listeners: [{ name: 'a', address: ':0' }], routes: [], clusters: {}, filters: [filter] };
        const refused = messageOf(() => snapshotFrom(whole, { origin: 'test', loadedAtMs: 0, kinds: FILTER_KINDS }));
        expect([kind.type, at.join('.'), refused.includes(MARK)]).toEqual([kind.type, at.join('.'), false]);
      }
    }
  }
});

function messageOf(work: () => unknown): string {
  try {
    work();
    return '';
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return `${error.message} ${JSON.stringify(error.details)}`;
  }
}

test('conditions on what tells of a secret are withheld, others are shown', () => {
  const match = {
    path: '/a',
    headers: { authorization: MARK, 'x-api-key': MARK, 'x-ring': 'beta' },
    cookies: { session: MARK, ring: 'beta' },
  };
  for (const each of [match, [match]]) {
    const shown = JSON.stringify(shownConfig({ routes: [{ name: 'a', match: each }] }, FILTER_KINDS).written);
    expect(shown).not.toContain(MARK);
    expect(shown.match(/beta/g)).toHaveLength(2);
  }
});

test('a URL is shown without what stands before its host', () => {
  const shown = shownConfig(
    { filters: [{ type: 'jwt', issuer: 'i', jwks: `https://me:${MARK}@keys.test/jwks` }] },
    FILTER_KINDS,
  );
  expect(JSON.stringify(shown)).not.toContain(MARK);
  expect(JSON.stringify(shown)).toContain('keys.test');
});

test('whatever a gateway is asked, no secret of its configuration is told, nor in its log', async () => {
  const origin = await answering(OK);
  const hash = await newPasswordHash(MARK, seededRandom('secrets'));
  const secret = Buffer.from(MARK).toString('base64url');
  const digest = `sha256:${'5ec2e7'.repeat(11).slice(0, 64)}`;
  const written: Written = {
    clusters: { orders: { endpoints: [origin.origin] } },
    routes: [
      {
        name: 'orders',
        match: { path: '/orders', headers: { 'x-api-key': MARK } },
        filters: [
          { type: 'headers', request: { set: { 'x-upstream-auth': MARK } } },
          { type: 'rewrite', query: { set: { key: MARK } } },
          {
            type: 'fault',
            until: '2031-01-01T00:00:00Z',
            header: { name: 'x-chaos', value: MARK },
            abort: { status: 503, share: '1%' },
          },
          { type: 'split', rings: [{ by: { header: 'x-auth-ring' }, values: [MARK], to: 'orders' }], salt: MARK },
        ],
        to: 'orders',
      },
      {
        name: 'tokens',
        match: { path: '/tokens' },
        filters: [
          { type: 'jwt', issuer: 'i', audience: 'a', keys: [{ kty: 'oct', alg: 'HS256', k: `${secret}${secret}` }] },
        ],
        to: 'orders',
      },
    ],
    filters: [
      { type: 'api-key', optional: true, consumers: [{ name: 'ann', keys: [digest] }] },
      { type: 'basic-auth', optional: true, users: [{ name: 'bob', hash }] },
      { type: 'rate-limit', by: { header: 'x-session' }, rates: ['2/m'] },
    ],
  };
  const hidden = [MARK, hash, secret, digest];
  const { get: ask, ask: any, change, client, telemetry, history, engine } = await administered(written);
  const wire = client();
  for (let at = 0; at < 4; at += 1) {
    const basic = Buffer.from(`bob:${MARK}`).toString('base64');
    wire.clear().send(get('/tokens', `Authorization: Basic ${basic}`, `X-Session: ${MARK}`));
    await wire.got(/"code"|ok$/);
  }
  history.note({
    kind: 'kept',
    error: wrongly(() =>
      readSnapshot(`filters: ${MARK}\nroutes: ["${MARK}"]`, { origin: 'f', loadedAtMs: 0, kinds: FILTER_KINDS }),
    ),
  });
  history.note({
    kind: 'kept',
    error: wrongly(() => readSnapshot(`{ a: [${MARK}: "${MARK}"`, { origin: 'f', loadedAtMs: 0, kinds: FILTER_KINDS })),
  });
  const told: string[] = [];
  for (const { path, method, name } of Object.values(adminContract.operations)) {
    if (method === 'GET') told.push((await ask(name === 'explainTarget' ? `${path}?url=/orders` : path)).text);
    else if (name !== 'explainRequest')
      told.push((await change(path, { address: 'a', cluster: 'b', all: true }, MARK)).text);
  }
  told.push((await ask('/limits?share=0')).text, (await ask('/metrics')).text, (await ask('/openapi.json')).text);
  told.push(
    (await any('POST', '/explain', { body: JSON.stringify({ url: '/orders', headers: [['x-api-key', 'x']] }) })).text,
  );
  const all = [...told, JSON.stringify(telemetry.logs), JSON.stringify(engine.inspection.clusters())].join('\n');
  expect(all).toContain('ann');
  expect(all).toContain('x-upstream-auth');
  for (const each of hidden) expect([each, all.includes(each)]).toEqual([each, false]);
});

function wrongly(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('It is right.');
}
