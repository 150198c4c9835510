import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineContract } from './contract.ts';
import { operation } from './operation.ts';
import { toOpenApi } from './openapi.ts';

const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node).optional();
  },
});
const output = z.object({ id: z.string(), status: z.enum(['pending']).default('pending') });

const orders = defineContract({
  name: 'orders',
  version: '1.0.0',
  description: 'Orders of a shop',
  operations: {
    placeOrder: operation({
      method: 'POST',
      path: '/orders/{shop}',
      summary: 'Accept an order',
      visibility: 'public',
      idempotencyKey: 'required',
      status: 201,
      input: z.object({
        shop: z.string().meta({ description: 'Which shop' }),
        sku: z.string().meta({ id: 'Sku/code' }),
        card: z.enum(['ok', 'declined']).default('ok'),
        tree: node,
        labels: z.record(z.string(), z.int()).optional(),
      }),
      output,
      errors: { UNKNOWN_SKU: 'unprocessable', SHOP_CLOSED: 'conflict', TOO_MUCH: 'exhausted' },
    }),
    listOrders: operation({
      method: 'GET',
      path: '/orders',
      visibility: 'public',
      roles: ['support', 'admin'],
      input: z.object({ limit: z.int().min(1).default(20), text: z.string(), tags: z.array(z.string()) }),
      output: z.object({ items: z.array(output), meta: z.json() }),
    }),
    audit: operation({
      method: 'DELETE',
      path: '/audit/{id}',
      roles: ['auditor'],
      input: z.object({ id: z.int() }),
      output,
    }),
    touch: operation({
      method: 'PUT',
      path: '/touch',
      idempotencyKey: 'optional',
      input: z.object({ at: z.iso.datetime().optional() }),
      output,
    }),
  },
});
const stock = defineContract({
  name: 'stock',
  version: '2.0.0',
  operations: { levels: operation({ method: 'GET', path: '/levels', output }) },
});
const about = { title: 'Shop', version: '1.0.0', servers: [{ url: 'http://localhost:8080' }] };

// Looked into by path; expectations fail where it differs.
// oxlint-disable-next-line typescript/no-explicit-any
const documentOf = (...args: Parameters<typeof toOpenApi>): any => structuredClone(toOpenApi(...args));

test('the document is OpenAPI 3.1 to a validator of others, and all its references resolve', async () => {
  const document = documentOf([orders, stock], about);
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
  expect(danglingReferences(document)).toEqual([]);
});

test('the validator would have noticed', async () => {
  const document = documentOf(orders, about);
  delete document.paths['/orders'].get.responses;
  document.paths['/orders'].get.parameters[0].in = 'somewhere';
  expect((await new Validator().validate(document)).valid).toBe(false);
});

test('members travel as parameters and body, with what the server refuses', () => {
  const { post } = documentOf(orders, about).paths['/orders/{shop}'];
  expect(post.operationId).toBe('orders.placeOrder');
  expect(post.parameters).toMatchObject([
    { name: 'shop', in: 'path', required: true, schema: { type: 'string', description: 'Which shop' } },
    { name: 'Idempotency-Key', in: 'header', required: true },
  ]);
  const { schemas } = documentOf(orders, about).components;
  expect(post.requestBody).toEqual({
    required: true,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/orders.placeOrder.body' } } },
  });
  const body = schemas['orders.placeOrder.body'];
  expect(Object.keys(body.properties)).toEqual(['sku', 'card', 'tree', 'labels']);
  expect(body.required).toEqual(['sku', 'tree']);
  expect(body.additionalProperties).toBe(false);
  expect(body.properties.labels.additionalProperties).toMatchObject({ type: 'integer' });
});

test('query members are required unless their absence means something', () => {
  const { get } = documentOf(orders, about).paths['/orders'];
  expect(get.parameters.map((one: { name: string; required: boolean }) => [one.name, one.required])).toEqual([
    ['limit', false],
    ['text', true],
    ['tags', false],
  ]);
  expect(get.requestBody).toBeUndefined();
});

test('a body all of whose members may be missing may be missing itself, and a key may be optional', () => {
  const { put } = documentOf(orders, about).paths['/touch'];
  expect(put.requestBody.required).toBe(false);
  expect(put.parameters).toMatchObject([{ name: 'Idempotency-Key', required: false }]);
});

test('answers leave room for what comes later', () => {
  const { components, paths } = documentOf(orders, about);
  expect(paths['/orders/{shop}'].post.responses['201'].content['application/json'].schema).toEqual({
    $ref: '#/components/schemas/orders.placeOrder.output',
  });
  expect(components.schemas['orders.placeOrder.output'].additionalProperties).toBeUndefined();
});

test('every code has its problem response, by status, and anything else a default one', () => {
  const { responses } = documentOf(orders, about).paths['/orders/{shop}'].post;
  const codes = Object.fromEntries(
    Object.entries<{
      content: Record<string, { schema: { allOf?: { properties?: { code: { enum: string[] } } }[] } }>;
    }>(responses)
      .filter(([status]) => status.startsWith('4'))
      .map(([status, response]) => [
        status,
        response.content['application/problem+json']?.schema.allOf?.[1]?.properties?.code.enum,
      ]),
  );
  expect(codes).toEqual({
    400: ['INVALID_INPUT', 'IDEMPOTENCY_KEY_REQUIRED', 'IDEMPOTENCY_KEY_INVALID'],
    401: ['TOKEN_MISSING', 'TOKEN_INVALID', 'TOKEN_EXPIRED'],
    409: ['IDEMPOTENCY_IN_FLIGHT', 'SHOP_CLOSED'],
    422: ['IDEMPOTENCY_MISMATCH', 'UNKNOWN_SKU'],
    429: ['TOO_MUCH'],
  });
  expect(responses.default.content['application/problem+json'].schema).toEqual({
    $ref: '#/components/schemas/Problem',
  });
});

test('public operations ask for a bearer token, with one of their roles', () => {
  const { paths, components } = documentOf(orders, about);
  expect(components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
  expect(paths['/orders/{shop}'].post.security).toEqual([{ bearer: [] }]);
  expect(paths['/orders'].get.security).toEqual([{ bearer: ['support'] }, { bearer: ['admin'] }]);
  expect(paths['/orders'].get.responses['403']).toBeDefined();
  expect(paths['/audit/{id}'].delete).toMatchObject({
    security: [],
    'x-fairlead-visibility': 'internal',
    'x-fairlead-roles': ['auditor'],
  });
});

test('internal operations can be left out', () => {
  expect(Object.keys(documentOf(orders, { ...about, visibility: 'public' }).paths)).toEqual([
    '/orders/{shop}',
    '/orders',
  ]);
});

test('the same contracts give the same document', () => {
  expect(JSON.stringify(toOpenApi(orders, about))).toBe(JSON.stringify(toOpenApi([orders], about)));
});

test('contracts that can not share a document are refused', () => {
  const other = defineContract({
    name: 'other',
    version: '1.0.0',
    operations: { levels: operation({ method: 'GET', path: '/levels', output }) },
  });
  expect(() => toOpenApi([stock, other], about)).toThrow('Two contracts answer GET /levels');
  expect(() => toOpenApi([stock, stock], about)).toThrow('named "stock"');
});

/** References that lead nowhere: validators of structure don't look. */
function danglingReferences(document: unknown): string[] {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThan(0);
  return references.filter((reference) => {
    let at: unknown = document;
    for (const step of reference.slice(2).split('/')) at = (at as Record<string, unknown> | undefined)?.[step];
    return !reference.startsWith('#/') || at === undefined;
  });
}
