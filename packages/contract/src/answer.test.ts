import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { decodeOutput, encodeOutput } from './answer.ts';
import { defineContract } from './contract.ts';
import { operation } from './operation.ts';

/** The contract that a caller was built with. */
const old = defineContract({
  name: 'shop',
  version: '1.0.0',
  operations: {
    get: operation({
      method: 'GET',
      path: '/',
      output: z.object({
        status: z.enum(['pending', 'confirmed']),
        history: z.array(z.strictObject({ type: z.enum(['placed']) })),
        stock: z.record(z.enum(['berlin', 'paris']), z.int()).optional(),
        grade: z.enum({ low: 1, high: 2 }).optional(),
        payment: z
          .discriminatedUnion('type', [
            z.object({ type: z.literal('card'), brand: z.enum(['visa']) }),
            z.object({ type: z.enum(['cash', 'voucher']), cents: z.int() }),
          ])
          .optional(),
        either: z
          .union([z.object({ is: z.enum(['a']) }), z.object({ is: z.enum(['b']), more: z.string() })])
          .optional(),
        origin: z.literal('shop').optional(),
        kept: z
          .object({})
          .catchall(z.enum(['x']))
          .optional(),
        currency: z.string().default('EUR'),
        part: z
          .tuple([z.enum(['x']), z.int()])
          .nullable()
          .optional(),
      }),
    }),
  },
});
const { get } = old.operations;

const read = (value: unknown) =>
  decodeOutput(get, JSON.stringify({ status: 'pending', history: [], ...(value as object) }));

test('a new optional member at any depth does not break a caller, and is dropped', () => {
  const answer = { status: 'pending', added: { deep: [1] }, history: [{ type: 'placed', by: 'x' }] };
  expect(decodeOutput(get, JSON.stringify(answer))).toEqual({
    status: 'pending',
    history: [{ type: 'placed' }],
    currency: 'EUR',
  });
});

test('a value that an enum does not list passes as it is, at any depth', () => {
  expect(read({ status: 'refunded', history: [{ type: 'shipped' }] })).toMatchObject({
    status: 'refunded',
    history: [{ type: 'shipped' }],
  });
  expect(read({ grade: 3 }).grade).toBe(3);
  expect(read({ part: ['y', 1] }).part).toEqual(['y', 1]);
  expect(read({ payment: { type: 'card', brand: 'new', extra: 1 } }).payment).toEqual({ type: 'card', brand: 'new' });
});

test("a value of another kind than the enum's is refused", () => {
  expect(() => read({ status: 7 })).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER', kind: 'bad-gateway' }));
  expect(() => read({ grade: 'three' })).toThrow(/\$\.grade/);
});

test('a record whose names an enum lists may get further names, and still needs the listed ones', () => {
  expect(read({ stock: { berlin: 1, paris: 2, rome: 3 } }).stock).toEqual({ berlin: 1, paris: 2, rome: 3 });
  expect(() => read({ stock: { berlin: 1 } })).toThrow(/\$\.stock\.paris/);
  expect(() => read({ stock: { berlin: 1, paris: 2, rome: 'many' } })).toThrow(/\$\.stock\.rome/);
});

test('the discriminator of a union and a literal are closed', () => {
  expect(() => read({ payment: { type: 'coins', cents: 1 } })).toThrow(/\$\.payment/);
  expect(read({ payment: { type: 'voucher', cents: 1 } }).payment).toEqual({ type: 'voucher', cents: 1 });
  expect(() => read({ origin: 'elsewhere' })).toThrow(/\$\.origin/);
});

test("of a union's options the one that fits exactly wins over one that fits only because its enum is open", () => {
  expect(read({ either: { is: 'b', more: 'x', new: 1 } }).either).toEqual({ is: 'b', more: 'x' });
  expect(read({ either: { is: 'c' } }).either).toEqual({ is: 'c' });
});

test('a union that takes exactly one option is still read when enums are open', () => {
  const { pick } = defineContract({
    name: 'picks',
    version: '1.0.0',
    operations: {
      pick: operation({
        method: 'GET',
        path: '/',
        output: z.xor([z.object({ a: z.enum(['x']) }), z.object({ b: z.int() })]),
      }),
    },
  }).operations;
  expect(decodeOutput(pick, '{"a":"later","new":1}')).toEqual({ a: 'later' });
  expect(decodeOutput(pick, '{"b":1}')).toEqual({ b: 1 });
  expect(() => decodeOutput(pick, '{"c":1}')).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }));
});

test('members that a catchall allows are kept, with values that its enum does not list', () => {
  expect(read({ kept: { a: 'x', b: 'later' } }).kept).toEqual({ a: 'x', b: 'later' });
  expect(() => read({ kept: { a: 1 } })).toThrow(/\$\.kept\.a/);
});

test("a missing member, text that is no JSON and a deep nest are refused, with the operation's name", () => {
  expect(() => decodeOutput(get, '{"history":[]}')).toThrow(/shop\.get .*\$\.status: is missing/);
  expect(() => decodeOutput(get, '<html>')).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }));
});

test('a default that is a list is fresh for every reader', () => {
  const { list } = defineContract({
    name: 'lists',
    version: '1.0.0',
    operations: {
      list: operation({ method: 'GET', path: '/', output: z.object({ tags: z.array(z.string()).default([]) }) }),
    },
  }).operations;
  decodeOutput(list, '{}').tags.push('mine');
  expect(decodeOutput(list, '{}').tags).toEqual([]);
});

test('schemas that refer to themselves are read tolerantly all the way down', () => {
  const node = z.object({
    kind: z.enum(['leaf', 'branch']),
    get children() {
      return z.array(node).optional();
    },
  });
  const { tree } = defineContract({
    name: 'trees',
    version: '1.0.0',
    operations: { tree: operation({ method: 'GET', path: '/', output: z.object({ root: node, meta: z.json() }) }) },
  }).operations;
  const text =
    '{"root":{"kind":"branch","children":[{"kind":"twig","new":1,"children":[{"kind":"leaf","x":2}]}]},"meta":{"a":[1,null]}}';
  expect(decodeOutput(tree, text)).toEqual({
    root: { kind: 'branch', children: [{ kind: 'twig', children: [{ kind: 'leaf' }] }] },
    meta: { a: [1, null] },
  });
});

test("an answer that does not fit is the service's bug, told with operation and path", () => {
  const broken = () => encodeOutput(get, { status: 'pending', history: [{ type: 'shipped' as 'placed' }] });
  expect(broken).toThrow(expect.objectContaining({ code: 'INVALID_OUTPUT', kind: 'internal' }));
  expect(broken).toThrow(/shop\.get .*\$\.history\[0\]\.type/);
});

test('nothing leaves that the contract does not list', () => {
  const row = { status: 'pending' as const, history: [], passwordHash: 'secret' };
  expect(JSON.parse(encodeOutput(get, row))).toEqual({ status: 'pending', history: [], currency: 'EUR' });
});

test('whatever may be answered is read as it was meant', () => {
  const answer = fc.record(
    {
      status: fc.constantFrom('pending' as const, 'confirmed' as const),
      history: fc.array(fc.constant({ type: 'placed' as const })),
      currency: fc.string({ unit: 'binary' }),
      stock: fc.record({ berlin: fc.integer(), paris: fc.integer() }),
      payment: fc.oneof(
        fc.constant({ type: 'card' as const, brand: 'visa' as const }),
        fc.record({ type: fc.constantFrom('cash' as const, 'voucher' as const), cents: fc.integer() }),
      ),
    },
    { requiredKeys: ['status', 'history', 'currency'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(answer, (given) => {
      expect(decodeOutput(get, encodeOutput(get, given))).toEqual(given);
    }),
  );
});
