import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineContract } from './contract.ts';
import { event, type EventDefinition } from './event.ts';
import { operation, type OperationDefinition, type OperationOptions } from './operation.ts';

const output = z.object({});

function shop(operations: Record<string, OperationDefinition>, events: Record<string, EventDefinition> = {}) {
  return defineContract({ name: 'shop', version: '1.0.0', operations, events });
}

const posting = (schema: z.ZodType) => () =>
  shop({
    place: operation({
      method: 'POST',
      path: '/',
      input: z.object({ deep: z.array(z.object({ member: schema })) }),
      output,
    }),
  });

test.each([
  ['a date', z.date(), 'use z.iso.datetime()'],
  ['a bigint', z.bigint(), 'is a bigint'],
  ['a map', z.map(z.string(), z.string()), 'is a Map'],
  ['a set', z.set(z.string()), 'is a Set'],
  ['undefined', z.undefined(), 'can only be undefined'],
  ['void', z.void(), 'can only be undefined'],
  ['a function', z.function(), 'is a function'],
  ['a transform', z.string().transform(Number), 'is changed on its way'],
  ['a codec', z.stringbool(), 'is changed on its way'],
  ['preprocessing', z.preprocess(String, z.string()), 'is changed on its way'],
  ['a coercion', z.coerce.number(), 'is coerced'],
  ['anything', z.unknown(), 'use z.json()'],
  ['any', z.any(), 'use z.json()'],
  ['an instance', z.instanceof(URL), 'is checked by a function'],
  ['a symbol', z.symbol(), 'is a symbol'],
  ['NaN', z.nan(), 'JSON has not'],
  ['a file', z.file(), 'is a file'],
  ['a promise', z.promise(z.string()), 'is a promise'],
  ['a catch', z.string().catch(''), 'would hide it'],
  ['an intersection', z.intersection(z.object({}), z.object({})), 'use .extend()'],
  ['numbers as keys', z.record(z.number(), z.string()), 'keys that are not strings'],
  ['a literal bigint', z.literal(5n), 'lists 5, which JSON has not'],
  ['a literal undefined', z.literal(undefined), 'lists undefined'],
  ['nothing', z.never(), 'can hold nothing'],
  ['an item that may be undefined', z.array(z.string().optional()), 'use .nullable()'],
  ['a union that may be undefined', z.union([z.string().optional(), z.int()]), 'use .nullable()'],
  ['a check that waits', z.string().refine(async () => true), 'check in the handler'],
  ['a loose object', z.looseObject({}), 'use z.json()'],
])('%s is refused with contract, operation and JSON path', (_what, schema, hint) => {
  expect(posting(schema)).toThrow(expect.objectContaining({ code: 'INVALID_CONTRACT' }));
  expect(posting(schema)).toThrow(/^shop\.place input: \$\.deep\[\*\]\.member/);
  expect(posting(schema)).toThrow(hint);
});

test.each([
  ['text in its formats', z.iso.datetime()],
  ['a whole number', z.int()],
  ['null', z.null()],
  ['a nullable default', z.string().nullable().default(null)],
  ['a record', z.record(z.string(), z.int())],
  ['a record by enum', z.partialRecord(z.enum(['a']), z.int())],
  ['a tuple', z.tuple([z.string()], z.int())],
  ['a strict object', z.strictObject({ a: z.string().optional() })],
  ['an open object', z.object({}).catchall(z.int())],
  ['a discriminated union', z.discriminatedUnion('t', [z.object({ t: z.literal('a') })])],
  ['a template literal', z.templateLiteral(['order-', z.int()])],
  ['any JSON', z.json()],
  ['trimmed text', z.string().trim().min(1)],
  ['a brand', z.string().brand<'Sku'>()],
  ['a refinement', z.string().refine((value) => value !== 'x')],
])('%s is carried by JSON', (_what, schema) => {
  expect(posting(schema)).not.toThrow();
});

test('outputs and events are held to the same', () => {
  expect(() => shop({ get: operation({ method: 'GET', path: '/', output: z.object({ at: z.date() }) }) })).toThrow(
    /^shop\.get output: \$\.at is a Date/,
  );
  const placed = event({ key: 'id', data: z.object({ id: z.string(), at: z.date() }) });
  expect(() => shop({}, { 'order.placed': placed })).toThrow(/^shop event order\.placed: \$\.at is a Date/);
});

const getting = (path: string, input: z.ZodObject) => () =>
  shop({ get: operation({ method: 'GET', path, input, output }) });

test.each([
  ['/orders/{id}', z.object({}), 'names {id}, which the input has not'],
  ['/orders/{id}', z.object({ id: z.string().optional() }), 'always there'],
  ['/orders/{id}', z.object({ id: z.string().default('x') }), 'always there'],
  ['/orders/{id}', z.object({ id: z.object({}) }), 'always there'],
  ['/orders/{toString}', z.object({}), 'names {toString}'],
  ['orders', z.object({}), 'does not begin with "/"'],
  ['/orders/', z.object({}), 'segment ""'],
  ['/orders/../x', z.object({}), 'segment ".."'],
  ['/orders/x{id}', z.object({ id: z.string() }), 'segment "x{id}"'],
  ['/orders?x', z.object({}), 'segment "orders?x"'],
  ['/{id}/{id}', z.object({ id: z.string() }), 'twice'],
  ['/', z.object({ filter: z.object({}) }), 'travels in the query'],
  ['/', z.object({ filter: z.string().nullable() }), 'travels in the query'],
  ['/', z.object({ filter: z.union([z.string(), z.int()]) }), 'of one kind'],
  ['/', z.object({ tags: z.array(z.string()).optional() }), 'an empty one and none look the same'],
  ['/', z.object({ tags: z.array(z.string()).default(['x']) }), 'an empty one and none look the same'],
])('GET %s is refused when its input does not go with it: %#', (path, input, why) => {
  expect(getting(path, input)).toThrow(expect.objectContaining({ code: 'INVALID_CONTRACT' }));
  expect(getting(path, input)).toThrow(why);
});

test('two operations on one route, or members of one path named differently, are refused', () => {
  const get = (path: string, name: string, method: 'GET' | 'DELETE' = 'GET') =>
    operation({ method, path, input: z.object({ [name]: z.string() }), output });
  expect(() => shop({ a: get('/orders/{id}', 'id'), b: get('/orders/{id}', 'id') })).toThrow(
    'a and b both answer GET /orders/{id}',
  );
  expect(() => shop({ a: get('/orders/{id}', 'id'), b: get('/orders/{key}', 'key', 'DELETE') })).toThrow(
    'Name the members alike',
  );
});

test.each([
  [{ status: 204 }, 'status 204'],
  [{ status: 404 }, 'status 404'],
  [{ method: 'HEAD' }, 'method "HEAD"'],
  [{ errors: { notFound: 'not-found' } }, 'error code "notFound"'],
  [{ errors: { INVALID_INPUT: 'invalid' } }, "INVALID_INPUT is the platform's own"],
  [{ roles: [''] }, 'a role is empty'],
  [{ outptu: output }, 'there is no option "outptu"; did you mean "output"?'],
])('an operation with %j is refused', (change, why) => {
  const options = { method: 'GET', path: '/', output, ...change } as OperationOptions<z.ZodObject, z.ZodType, {}>;
  expect(() => shop({ get: operation(options) })).toThrow(why);
});

test('malformed names and versions are refused', () => {
  expect(() => defineContract({ name: 'Shop', version: '1.0.0', operations: {} })).toThrow('Contract name "Shop"');
  expect(() => defineContract({ name: 'shop', version: '1', operations: {} })).toThrow('version "1"');
  expect(() => shop({ 'place-order': operation({ method: 'GET', path: '/', output }) })).toThrow(
    'operation name "place-order"',
  );
  const placed = event({ key: 'id', data: z.object({ id: z.string() }) });
  expect(() => shop({}, { 'Order Placed': placed })).toThrow('event type "Order Placed"');
  expect(() => shop({}, { 'order.placed': { ...placed, version: 0 } })).toThrow('version 0');
  expect(() => shop({}, { 'order.placed': { ...placed, key: 'nothing' } })).toThrow('key "nothing"');
});

test('a contract is frozen, and its operations and events know their names', () => {
  const contract = shop(
    { get: operation({ method: 'GET', path: '/', output }) },
    { 'a.b': event({ key: 'id', data: z.object({ id: z.string() }) }) },
  );
  expect(contract.operations['get']).toMatchObject({
    name: 'get',
    contract: 'shop',
    status: 200,
    visibility: 'internal',
  });
  expect(contract.events['a.b']).toMatchObject({ name: 'a.b', contract: 'shop', version: 1 });
  expect(
    [contract, contract.operations, contract.events, contract.operations['get'], contract.events['a.b']].every(
      Object.isFrozen,
    ),
  ).toBe(true);
});
