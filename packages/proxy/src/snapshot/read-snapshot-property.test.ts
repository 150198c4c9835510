// Whatever is written: it is taken, or refused with a line for everything that is wrong. Nothing else happens.
import { isError } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factsOf } from '../match/facts.fixture.ts';
import type { CompiledSnapshot } from './compiled-snapshot.ts';
import type { SnapshotProblem } from './snapshot-problem.ts';
import { readYard } from './yard.fixture.ts';

const SOUND = {
  listeners: [{ name: 'public', address: '127.0.0.1:0', limits: { maxHead: '16KiB' } }],
  filters: [{ type: 'badge', issuer: 'urn:yard' }],
  routes: [
    {
      name: 'a',
      hosts: ['shop.test', '*.shop.test'],
      match: [
        { path: { template: '/a/:id' }, method: 'GET', headers: { x: '1' }, query: { q: { regex: 'a+' } } },
        { path: '/b', version: { by: 'date', from: '2026-01-01' }, cookies: { c: { present: true } } },
        { grpc: { service: 'a.B' }, client: '10.0.0.0/8', claims: { plan: ['gold', 7] }, body: { '/t': null } },
      ],
      to: [{ cluster: 'orders', weight: 2 }, { cluster: 'canary' }],
      timeout: '2s',
      policy: 'patient',
    },
    { name: 'b', match: { path: { regex: '/.*' } }, filters: [{ type: 'signpost', status: 301 }], exclusive: true },
  ],
  clusters: {
    orders: { endpoints: ['http://127.0.0.1:1', { address: 'unix:/x', weight: 2 }], outliers: { kind: 'probation' } },
    canary: { dns: 'http://a.test', panic: '10%', health: 'off' },
  },
  policies: { patient: { timeout: { total: '5s' }, breaker: {} } },
};

type Step = string | number;
/** Every place of a value. */
function placesOf(value: unknown, place: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [place];
  const entries: [Step, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [place, ...entries.flatMap(([step, inner]) => placesOf(inner, [...place, step]))];
}
const PLACES = placesOf(SOUND).filter((place) => place.length > 0);

/** The same with something else at a place; `undefined` leaves it out. */
function changed(value: unknown, [step, ...rest]: readonly Step[], to: unknown): unknown {
  if (step === undefined) return to;
  // `as`: a place leads only through what is there.
  const copy = structuredClone(value) as Record<Step, unknown>;
  const inner = rest.length === 0 ? to : changed(copy[step], rest, to);
  if (inner === undefined && Array.isArray(copy)) copy.splice(Number(step), 1);
  else if (inner === undefined) Reflect.deleteProperty(copy, step);
  else copy[step] = inner;
  return copy;
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, '', 0, -1, 1.5, true, [], {}, [[]], { type: 'badge' }, '__proto__', 'off'),
  fc.constantFrom('/', '/a', '/a//b', '/%', '/:a', '*', '10s', '1KiB', '100%', 'http://x', 'unix:/x', ':1', 'GET', '('),
  fc.string({ maxLength: 12 }),
  fc.jsonValue({ maxDepth: 2 }),
);

function outcomeOf(text: string): CompiledSnapshot | readonly SnapshotProblem[] {
  try {
    return readYard(text);
  } catch (error) {
    if (!isError(error, 'SNAPSHOT_INVALID')) throw error;
    // `as`: what readSnapshot puts there.
    return error.details['problems'] as readonly SnapshotProblem[];
  }
}

function holds(text: string): void {
  const outcome = outcomeOf(text);
  if ('routes' in outcome) {
    for (const { table } of outcome.listeners) {
      for (const path of ['/', '/a/7', '/b', '/%41', '*']) {
        const facts = factsOf({ path, host: 'x.shop.test', query: '?q=a', headers: { cookie: 'c=1' } });
        expect(['route', 'needs', 'no-route', 'method-not-allowed']).toContain(table.find(facts).kind);
        expect(table.find(facts, { identity: null, body: null }).kind).not.toBe('needs');
      }
    }
    return;
  }
  expect(outcome.length).toBeGreaterThan(0);
  for (const { line, column, message } of outcome) {
    expect(line).toBeGreaterThan(0);
    expect(column).toBeGreaterThan(0);
    expect(message).not.toMatch(/undefined|\[object|Invalid input/);
  }
}

test('the sound one is sound', () => holds(JSON.stringify(SOUND)));

test('something strange in any place, or nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...PLACES), strange), { minLength: 1, maxLength: 3 }), (edits) => {
      let value: unknown = SOUND;
      for (const [place, to] of edits) {
        if (placesOf(value).some((each) => JSON.stringify(each) === JSON.stringify(place)))
          value = changed(value, place, to);
      }
      holds(JSON.stringify(value, undefined, 1));
    }),
    { numRuns: 200 },
  );
});

test('a key more in any place', () => {
  const objects = placesOf(SOUND).filter((place) => {
    let value: unknown = SOUND;
    // `as`: a place leads only through what is there.
    for (const step of place) value = (value as Record<Step, unknown>)[step];
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  });
  const free = /^(?:clusters|policies)$|match\.\d+\.(?:headers|query|cookies|claims|body)$/;
  for (const place of objects.filter((each) => !free.test(each.join('.')))) {
    const outcome = outcomeOf(JSON.stringify(changed(SOUND, [...place, 'whatever'], 'x')));
    expect('routes' in outcome ? place : outcome.map(({ path }) => path)).toContainEqual(
      expect.stringContaining('whatever'),
    );
  }
});

test('texts that are cut off, or have something strange in them', () => {
  const yaml = JSON.stringify(SOUND, undefined, 1).replaceAll('"', "'");
  fc.assert(
    fc.property(
      fc.nat(yaml.length),
      fc.nat(20),
      fc.oneof(
        fc.string({ maxLength: 5 }),
        fc.constantFrom('\n', '&a ', '*a', '!!js ', ': ', '- ', '\t', '---\n', '#', '{', ']'),
      ),
      (at, cut, put) => holds(yaml.slice(0, at) + put + yaml.slice(at + cut)),
    ),
    { numRuns: 200 },
  );
});
