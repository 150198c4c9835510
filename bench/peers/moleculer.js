// Moleculer with its HTTP gateway in the same process: the cheapest way that it has.

import { createServer } from 'node:http';
import { ServiceBroker } from 'moleculer';
import ApiGateway from 'moleculer-web';
import { quoteOf } from '../load/quote.ts';
import { portOf, served } from '../load/served.ts';

const broker = new ServiceBroker({ logger: false, validator: true });
broker.createService({
  name: 'quotes',
  actions: {
    quote: {
      params: {
        $$strict: true,
        customer: { type: 'string', min: 1, max: 64 },
        currency: { type: 'enum', values: ['EUR', 'USD', 'GBP'] },
        express: 'boolean',
        lines: {
          type: 'array',
          min: 1,
          max: 100,
          items: {
            type: 'object',
            strict: true,
            props: {
              sku: { type: 'string', min: 1, max: 40 },
              quantity: { type: 'number', integer: true, min: 1, max: 1000 },
              unitCents: { type: 'number', integer: true, min: 0, max: 10_000_000 },
            },
          },
        },
      },
      handler: (ctx) => quoteOf(ctx.params),
    },
  },
});
const gateway = broker.createService({
  mixins: [ApiGateway],
  settings: {
    server: false,
    routes: [
      {
        path: '/',
        aliases: { 'POST /quotes': 'quotes.quote' },
        bodyParsers: { json: true },
        mappingPolicy: 'restrict',
      },
    ],
  },
});
await broker.start();
const server = createServer(gateway.express());
server.listen(0, '127.0.0.1', () => served({ port: portOf(server.address()) }));
