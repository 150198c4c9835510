import { expect, test } from 'vitest';
import { z } from 'zod';
import { encodeCall } from './call.ts';
import { defineContract } from './contract.ts';
import { describedOperation } from './described-operation.ts';
import { toOpenApi } from './openapi.ts';
import { operation } from './operation.ts';

const node: z.ZodType = z.lazy(() => z.object({ name: z.string(), children: z.array(node).optional() }));
const contract = defineContract({
  name: 'shelf',
  version: '1.0.0',
  operations: {
    find: operation({
      method: 'GET',
      path: '/shelves/{shelf}/books',
      visibility: 'public',
      input: z.object({
        shelf: z.string(),
        limit: z.int().min(1).max(9).default(5),
        tags: z.array(z.string()).default([]),
        years: z.array(z.int()).min(1).optional(),
        cursor: z.string().optional(),
      }),
      output: z.object({}),
    }),
    put: operation({
      method: 'POST',
      path: '/shelves/{shelf}/books',
      idempotencyKey: 'required',
      roles: ['librarian'],
      input: z.object({
        shelf: z.string(),
        title: z.string().min(1),
        kind: z.enum(['book', 'map']).default('book'),
        at: z.iso.datetime().optional(),
        tree: node.optional(),
      }),
      status: 201,
      output: z.object({ id: z.string() }),
    }),
  },
});
// As it comes over the wire.
const document = JSON.parse(JSON.stringify(toOpenApi(contract, { title: 'shelf', version: '1.0.0' })));
const described = (name: string) => describedOperation(document, 'shelf', name)!;

const CALLS: readonly (readonly ['find' | 'put', Record<string, unknown>])[] = [
  ['find', { shelf: 'a/b' }],
  ['find', { shelf: 'a', limit: 3, tags: ['x', 'y'], years: [1, 2], cursor: 'z z' }],
  ['put', { shelf: 'a', title: 'T' }],
  ['put', { shelf: 'a', title: 'T', kind: 'map', at: '2026-01-01T00:00:00Z', tree: { name: 'r', children: [] } }],
];

test.each(CALLS)('%s with %j becomes the same call from the document as from the contract', (name, input) => {
  expect(encodeCall(described(name), input)).toEqual(encodeCall(contract.operations[name], input as never));
});

const UNFIT: readonly (readonly ['find' | 'put', Record<string, unknown>, string])[] = [
  ['find', { shelf: 'a', limit: 10 }, '$.limit'],
  ['find', { shelf: 'a', limt: 1 }, 'did you mean "limit"?'],
  ['put', { shelf: 'a' }, '$.title: is missing'],
  ['put', { shelf: 'a', title: 'T', kind: 'globe' }, '$.kind'],
  ['put', { shelf: 'a', title: 'T', tree: { name: 1 } }, '$.tree.name'],
  ['put', { shelf: 'a', title: 'T', at: 'yesterday' }, '$.at'],
];

test.each(UNFIT)('%s refuses %j and says where', (name, input, where) => {
  expect(() => encodeCall(described(name), input)).toThrow(where);
});

test('what is not about the input is read too', () => {
  expect(described('put')).toMatchObject({
    idempotencyKey: 'required',
    roles: ['librarian'],
    status: 201,
    visibility: 'internal',
  });
  expect(described('find')).toMatchObject({ idempotencyKey: undefined, visibility: 'public', method: 'GET' });
  expect(describedOperation(document, 'shelf', 'burn')).toBeUndefined();
});
