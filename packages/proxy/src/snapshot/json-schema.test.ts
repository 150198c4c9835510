import { expect, test } from 'vitest';
import { z } from 'zod';
import { FILTER_KINDS } from './filter-kinds.ts';
import { snapshotJsonSchema } from './json-schema.ts';
import { KINDS } from './yard.fixture.ts';

test('docs/reference/gateway.schema.json is what may be written; after a change, run this with -u', async () => {
  const schema = `${JSON.stringify(snapshotJsonSchema(FILTER_KINDS), undefined, 2)}\n`;
  await expect(schema).toMatchFileSnapshot('../../../../docs/reference/gateway.schema.json');
});

const YARD = {
  $schema: 'gateway.schema.json',
  listeners: [{ name: 'public', address: ':8080' }],
  filters: [{ type: 'badge', issuer: 'urn:yard' }],
  routes: [{ name: 'a', match: { path: '/a', headers: { a: { present: true } } }, to: 'orders', timeout: '2s' }],
  clusters: { orders: { endpoints: ['http://127.0.0.1:1'], outliers: 'off', panic: '20%' } },
  policies: { patient: { timeout: { total: '5s' } } },
};
const [route] = YARD.routes;

test.each([
  ['what is sound', YARD, true],
  ['an unknown key', { ...YARD, filter: [] }, false],
  ['an unknown key deep down', { ...YARD, routes: [{ ...route, match: { pth: '/a' } }] }, false],
  ['a number where a duration belongs', { ...YARD, routes: [{ ...route, timeout: 10 }] }, false],
  ['a duration without its unit', { ...YARD, routes: [{ ...route, timeout: '10' }] }, false],
  ['a filter that nobody knows', { ...YARD, filters: [{ type: 'bagde', issuer: 'x' }] }, false],
  ['an option that a filter has not', { ...YARD, filters: [{ type: 'badge', isuer: 'x' }] }, false],
  ['no listener', { ...YARD, listeners: [] }, false],
])('an editor takes or refuses as the loader does: %s', (_what, written, isSound) => {
  const editor = z.fromJSONSchema(snapshotJsonSchema(KINDS));
  expect(editor.safeParse(written).success).toBe(isSound);
});
