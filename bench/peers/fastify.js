// Fastify as its documentation shows it: schemas of the body and the answer, nothing else.

import Fastify from 'fastify';
import { ANSWER_SCHEMA, QUOTE_REQUEST, quoteOf, REQUEST_SCHEMA } from '../load/quote.ts';
import { portOf, served } from '../load/served.ts';

const app = Fastify({ logger: false });
app.post('/quotes', { schema: { body: REQUEST_SCHEMA, response: { 200: ANSWER_SCHEMA } } }, async (request) =>
  quoteOf(request.body),
);
const path = process.env.BENCH_LISTEN === 'socket' ? process.env.BENCH_SOCKET_PATH : undefined;
await app.listen(path === undefined ? { host: '127.0.0.1', port: 0 } : { path });
// It must refuse what the others refuse, or nothing is compared.
const refused = await app.inject({ method: 'POST', url: '/quotes', payload: { ...QUOTE_REQUEST, lines: [] } });
if (refused.statusCode !== 400) throw new Error(`Fastify does not validate: ${refused.statusCode}`);
served(path === undefined ? { port: portOf(app.server.address()) } : { path });
