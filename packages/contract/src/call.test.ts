import { isError } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeCall, encodeCall, type RoutedCall, type WireCall } from './call.ts';
import { defineContract } from './contract.ts';
import type { Issue } from './issues.ts';
import { operation, type Operation } from './operation.ts';

const { operations } = defineContract({
  name: 'shop',
  version: '1.0.0',
  operations: {
    find: operation({
      method: 'GET',
      path: '/shelves/{shelf}/items/{number}',
      input: z.object({
        shelf: z.string(),
        number: z.int(),
        text: z.string().optional(),
        max: z.number().optional(),
        exact: z.boolean().optional(),
        tags: z.array(z.string()),
        sizes: z.array(z.number()).min(1).optional(),
        sort: z.enum(['name', 'price']).default('name'),
      }),
      output: z.object({}),
    }),
    place: operation({
      method: 'POST',
      path: '/orders/{customer}',
      input: z.object({
        customer: z.string(),
        items: z.array(z.object({ sku: z.string(), quantity: z.int().min(1) })),
        note: z.string().nullable().optional(),
        labels: z.record(z.string(), z.number()),
        card: z.enum(['ok', 'declined']).default('ok'),
        extra: z.json().optional(),
      }),
      output: z.object({}),
    }),
    pay: operation({
      method: 'POST',
      path: '/payments',
      input: z.object({
        by: z.discriminatedUnion('type', [
          z.object({ type: z.literal('card'), number: z.string() }),
          z.object({ type: z.literal('cash'), cents: z.int() }),
        ]),
        to: z.union([z.object({ iban: z.string() }), z.object({ account: z.int(), bank: z.string() })]).optional(),
      }),
      output: z.object({}),
    }),
    cancel: operation({
      method: 'POST',
      path: '/orders/{id}/cancel',
      input: z.object({ id: z.string() }),
      output: z.object({}),
    }),
    remove: operation({
      method: 'DELETE',
      path: '/orders/{customer}',
      input: z.object({ customer: z.string() }),
      output: z.object({}),
    }),
    ping: operation({ method: 'GET', path: '/', output: z.object({}) }),
  },
});

function issuesOf(op: Operation, call: WireCall | RoutedCall): readonly Issue[] {
  try {
    decodeCall(op, call);
  } catch (error) {
    if (!isError(error, 'INVALID_INPUT')) throw error;
    return error.details['issues'] as readonly Issue[];
  }
  return [];
}

/** Any text that a path segment can carry: everything but nothing, steps and halves of surrogate pairs. */
const segment = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom(
      '/',
      '%',
      '%2F',
      '?',
      '#',
      'a b',
      'a+b',
      '..a',
      '...',
      '&=',
      '\0',
      'ä',
      '🧵',
      '~',
      "'",
      'a/../b',
      ';',
      '@',
      ':',
    ),
  )
  .filter((text) => text !== '.' && text !== '..');
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom("it's", '', ' ', '+', '%', '%zz', '&', '=', '#', '?', 'a=b&c', 'null', 'true', '5'),
);
/** JSON has one zero. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0);

test('whatever a GET can be given comes back as it was, odd characters in path and query included', () => {
  const input = fc.record(
    {
      shelf: segment,
      number: fc.integer(),
      text,
      max: number,
      exact: fc.boolean(),
      tags: fc.array(text),
      sizes: fc.array(number, { minLength: 1 }),
      sort: fc.constantFrom('name' as const, 'price' as const),
    },
    { requiredKeys: ['shelf', 'number', 'tags', 'sort'] },
  );
  fc.assert(
    fc.property(input, (given) => {
      const call = encodeCall(operations.find, given);
      expect(call.path).toMatch(/^[\x21-\x7e]+$/);
      expect(decodeCall(operations.find, call)).toEqual(given);
      // URL parsers leave the path alone: nothing in it is a step, a fragment or a second query.
      const url = new URL(call.path, 'http://localhost');
      expect(url.pathname + url.search).toBe(call.path);
    }),
  );
});

test('whatever a POST can be given comes back as it was', () => {
  const input = fc.record(
    {
      customer: segment,
      items: fc.array(fc.record({ sku: fc.string({ unit: 'binary' }), quantity: fc.integer({ min: 1 }) })),
      note: fc.option(fc.string({ unit: 'binary' })),
      labels: fc.dictionary(
        fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__'),
        number,
      ),
      card: fc.constantFrom('ok' as const, 'declined' as const),
    },
    { requiredKeys: ['customer', 'items', 'labels', 'card'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(input, (given) => {
      expect(decodeCall(operations.place, encodeCall(operations.place, given))).toEqual(given);
    }),
  );
});

test('a router that takes the call apart itself gives the same input', () => {
  expect(
    decodeCall(operations.find, {
      params: { shelf: 'a/b', number: '7' },
      query: { text: 'x y', tags: ['1', '2'], exact: 'true' },
      body: undefined,
    }),
  ).toEqual({ shelf: 'a/b', number: 7, text: 'x y', tags: ['1', '2'], exact: true, sort: 'name' });
  expect(
    decodeCall(operations.find, {
      params: { shelf: 's', number: '1' },
      query: new URLSearchParams('tags=a&tags=b'),
      body: '',
    }),
  ).toEqual({ shelf: 's', number: 1, tags: ['a', 'b'], sort: 'name' });
});

test("members that were left out stay out of the call, so that defaults are the server's", () => {
  const call = encodeCall(operations.place, { customer: 'c', items: [], labels: {} });
  expect(call.body).toBe('{"items":[],"labels":{}}');
  expect(decodeCall(operations.place, call).card).toBe('ok');
});

test('an operation whose input is all in the path sends no body', () => {
  expect(encodeCall(operations.cancel, { id: 'x' })).toEqual({ path: '/orders/x/cancel', body: undefined });
  expect(decodeCall(operations.cancel, { path: '/orders/x/cancel', body: '{}' })).toEqual({ id: 'x' });
});

test('an unknown member is refused where it stands, with the nearest known name', () => {
  const body = JSON.stringify({ items: [{ sku: 's', quantitiy: 1 }], labels: {}, crad: 'ok' });
  expect(issuesOf(operations.place, { path: '/orders/c', body })).toEqual([
    { path: '$.items[0].quantitiy', message: 'unknown member; did you mean "quantity"?' },
    { path: '$.crad', message: 'unknown member; did you mean "card"?' },
    { path: '$.items[0].quantity', message: 'is missing, expected number' },
  ]);
  expect(issuesOf(operations.find, { path: '/shelves/s/items/1?tag=x', body: undefined })).toEqual([
    { path: '$.tag', message: 'unknown member; did you mean "tags"?' },
  ]);
  expect(issuesOf(operations.ping, { path: '/?verbose=1', body: undefined })).toEqual([
    { path: '$.verbose', message: 'unknown member; none is taken here' },
  ]);
});

test('an unknown member inside a union is refused, with the option that was meant', () => {
  expect(issuesOf(operations.pay, { path: '/payments', body: '{"by":{"type":"cash","cents":1,"cent":1}}' })).toEqual([
    { path: '$.by.cent', message: 'unknown member; did you mean "cents"?' },
  ]);
  expect(
    issuesOf(operations.pay, {
      path: '/payments',
      body: '{"by":{"type":"cash","cents":1},"to":{"iban":"x","bnk":""}}',
    }),
  ).toEqual([{ path: '$.to.bnk', message: 'unknown member; known are iban' }]);
});

test('a member named __proto__ is unknown like any other and changes no prototype', () => {
  const body = '{"items":[],"labels":{},"__proto__":{"polluted":true}}';
  expect(issuesOf(operations.place, { path: '/orders/c', body })).toMatchObject([{ path: '$.__proto__' }]);
  expect(issuesOf(operations.find, { path: '/shelves/s/items/1?__proto__=x', body: undefined })).toMatchObject([
    { path: '$.__proto__' },
  ]);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test.each([
  ['/shelves/s/items/0x10', '$.number'],
  ['/shelves/s/items/05', '$.number'],
  ['/shelves/s/items/%20 5', '$.number'],
  ['/shelves/s/items/1e400', '$.number'],
  ['/shelves/s/items/1.5', '$.number'],
  ['/shelves/s/items/1?exact=yes', '$.exact'],
  ['/shelves/s/items/1?exact=', '$.exact'],
  ['/shelves/s/items/1?max=', '$.max'],
  ['/shelves/s/items/1?max=1&max=2', '$.max'],
  ['/shelves/s/items/1?sort=weight', '$.sort'],
  ['/shelves/s/items/1?shelf=t', '$.shelf'],
  ['/shelves/s/items/1?text=%zz', '$'],
  ['/shelves/s/items/1?text=%ff', '$'],
  ['/shelves/s/items/1?te+xt=1', '$["te xt"]'],
  ['/shelves/%zz/items/1', '$.shelf'],
  ['/shelves/%ff/items/1', '$.shelf'],
  ['/shelves/%2e%2e/items/1', '$.shelf'],
  ['/shelves/./items/1', '$.shelf'],
  ['/shelves//items/1', '$'],
  ['/shelves/s/items/1/', '$'],
  ['/Shelves/s/items/1', '$'],
  ['shelves/s/items/1', '$'],
])('GET %s is refused at %s', (path, at) => {
  expect(issuesOf(operations.find, { path, body: undefined }).map((issue) => issue.path)).toContain(at);
});

test('a plus sign and an encoded one in the query are a space and a plus sign, as forms have it', () => {
  const call = { path: '/shelves/a+b/items/1?text=a+b%2B&tags=#x?tags=y', body: undefined };
  expect(decodeCall(operations.find, call)).toEqual({
    shelf: 'a+b',
    number: 1,
    text: 'a b+',
    tags: [''],
    sort: 'name',
  });
});

test.each([
  ['{', 'the body is not JSON'],
  ['[]', 'the body is not a JSON object'],
  ['null', 'the body is not a JSON object'],
  ['"x"', 'the body is not a JSON object'],
  ['{"customer":"other","items":[],"labels":{}}', 'comes from the path; leave it out of the body'],
  [undefined, 'is missing, expected array'],
])('the body %s is refused: %s', (body, message) => {
  expect(issuesOf(operations.place, { path: '/orders/c', body }).map((issue) => issue.message)).toContain(message);
});

test('a body where none is taken and a query where none is taken are refused', () => {
  expect(issuesOf(operations.remove, { path: '/orders/1', body: '{}' })).toMatchObject([
    { message: expect.stringContaining('send no body') },
  ]);
  expect(issuesOf(operations.cancel, { path: '/orders/1/cancel?x=1', body: undefined })).toMatchObject([
    { message: expect.stringContaining('send no query') },
  ]);
});

test('a body nested deeper than the stack is an invalid input, not a crash', () => {
  const depth = 50_000;
  const body = `{"items":[],"labels":{},"extra":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(issuesOf(operations.place, { path: '/orders/c', body })).toEqual([
    { path: '$', message: 'nested too deeply' },
  ]);
});

test('a flood of unknown members is answered with a bounded number of issues', () => {
  const flood = Object.fromEntries(
    Array.from({ length: 50_000 }, (_, index) => [`member${index}${'x'.repeat(100)}`, 1]),
  );
  const issues = issuesOf(operations.place, { path: '/orders/c', body: JSON.stringify(flood) });
  expect(issues).toHaveLength(20);
  expect(JSON.stringify(issues).length).toBeLessThan(5_000);
});

test.each([[''], ['.'], ['..'], ['\ud800']])(
  'a path can not carry %j, so the caller is told before anything is sent',
  (shelf) => {
    expect(() => encodeCall(operations.find, { shelf, number: 1, tags: [] })).toThrow(
      expect.objectContaining({ code: 'INVALID_CALL', kind: 'internal' }),
    );
  },
);

test("a call that does not fit is the caller's bug, never mistaken for its own caller's", () => {
  const call = () => encodeCall(operations.place, { customer: 'c', items: [{ sku: 's', quantity: 0 }], labels: {} });
  expect(call).toThrow(expect.objectContaining({ code: 'INVALID_CALL', kind: 'internal' }));
  expect(call).toThrow(/shop\.place .*\$\.items\[0\]\.quantity/);
  expect(() => encodeCall(operations.find, { shelf: 's', number: 1, tags: ['\udc00'] })).toThrow(/\$\.tags.*surrogate/);
});
