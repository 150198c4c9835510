import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { toAsyncApi } from './asyncapi.ts';
import { defineContract } from './contract.ts';
import { event } from './event.ts';

const node = z.object({
  name: z.string(),
  get children() {
    return z.array(node).optional();
  },
});

const orders = defineContract({
  name: 'orders',
  version: '1.0.0',
  description: 'Orders of a shop',
  operations: {},
  events: {
    'order.placed': event({
      summary: 'An order was accepted',
      key: 'orderId',
      version: 2,
      data: z.object({
        orderId: z.string(),
        card: z.enum(['ok']).default('ok'),
        tree: node,
        pair: z.tuple([z.string(), z.int()]),
      }),
    }),
    'order.cancelled': event({
      key: 'orderId',
      data: z.object({ orderId: z.string(), reason: z.string().nullable().optional() }),
    }),
  },
});
const stock = defineContract({
  name: 'stock',
  version: '1.0.0',
  operations: {},
  events: { 'stock.reserved': event({ key: 'orderId', data: z.object({ orderId: z.string(), meta: z.json() }) }) },
});
const about = { title: 'Shop', version: '1.0.0' };

interface Parsed {
  /** Warnings and errors. */
  readonly findings: readonly string[];
  readonly operations: readonly {
    readonly id: string;
    readonly action: string;
    readonly address: string;
    readonly message: {
      readonly contentType: string;
      readonly correlation: string;
      readonly required: readonly string[];
      readonly attributes: object;
    };
  }[];
}

const PARSE = `
  const { Parser } = require('@asyncapi/parser');
  new Parser().parse(require('fs').readFileSync(0, 'utf8')).then(({ document, diagnostics }) => {
    const findings = diagnostics
      .filter(({ severity }) => severity <= 1)
      .map(({ code, message, path }) => code + ' ' + path.join('.') + ': ' + message);
    const operations = (document ? document.operations().all() : []).map((operation) => {
      const message = operation.messages().all()[0];
      return {
        id: operation.id(),
        action: operation.action(),
        address: operation.channels().all()[0].address(),
        message: {
          contentType: message.contentType(),
          correlation: message.correlationId().location(),
          required: message.payload().json().required,
          // Recursive schemas have become circles by now: only what lies on top is shown.
          attributes: Object.fromEntries(
            Object.entries(message.payload().json().properties).map(([name, schema]) => [
              name,
              { type: schema.type, const: schema.const, members: Object.keys(schema.properties || {}), closed: schema.additionalProperties === false },
            ]),
          ),
        },
      };
    });
    console.log(JSON.stringify({ findings, operations }));
  });
`;

/** What a parser of others makes of it. In a process of its own: the parser can't be loaded under vitest's conditions. */
function parse(document: object): Parsed {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const { NODE_OPTIONS: _options, ...env } = process.env;
  const answer = execFileSync(process.execPath, ['-e', PARSE], {
    cwd,
    env,
    input: JSON.stringify(document),
    encoding: 'utf8',
  });
  return JSON.parse(answer) as Parsed;
}

test('the document is AsyncAPI 3 to a parser of others', () => {
  expect(parse(toAsyncApi([orders, stock], about)).findings).toEqual([]);
});

test('the parser would have noticed', () => {
  const document = JSON.parse(JSON.stringify(toAsyncApi(orders, about)));
  document.operations['publish.orders.order.cancelled'].channel.$ref = '#/channels/nowhere';
  expect(parse(document).findings.join('\n')).toContain("'#/channels/nowhere' does not exist");
});

test('each event type has a channel that its service sends on and a message that is a CloudEvent', () => {
  const { operations } = parse(toAsyncApi([orders, stock], about));
  expect(operations.map(({ id, action, address }) => [id, action, address])).toEqual([
    ['publish.orders.order.placed', 'send', 'orders.order.placed'],
    ['publish.orders.order.cancelled', 'send', 'orders.order.cancelled'],
    ['publish.stock.stock.reserved', 'send', 'stock.stock.reserved'],
  ]);
  expect(operations[0]?.message).toMatchObject({
    contentType: 'application/cloudevents+json',
    correlation: '$message.payload#/correlationid',
    required: expect.arrayContaining(['specversion', 'id', 'source', 'type', 'subject', 'time', 'traceparent', 'data']),
    attributes: {
      specversion: { const: '1.0' },
      source: { const: '/orders' },
      type: { const: 'order.placed' },
      dataversion: { const: 2 },
      data: { type: 'object', members: ['orderId', 'card', 'tree', 'pair'], closed: false },
    },
  });
});

test('the same contracts give the same document', () => {
  expect(JSON.stringify(toAsyncApi(orders, about))).toBe(JSON.stringify(toAsyncApi([orders], about)));
});
