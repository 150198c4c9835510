// What a call costs by hand: undici to Fastify with schemas, over the same kind of socket, one at a time.

import { Pool } from 'undici';
import { latenciesOf } from '../load/latencies.ts';
import { QUOTE_REQUEST } from '../load/quote.ts';
import { startServer } from '../load/server-process.ts';

await using server = await startServer('peers/fastify.js', { BENCH_LISTEN: 'socket' });
const pool = new Pool('http://localhost', { socketPath: server.listening.path });
const { p50, p99 } = await latenciesOf(async () => {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/quotes',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(QUOTE_REQUEST),
  });
  const quote = await body.json();
  if (statusCode !== 200 || quote.totalCents !== 31_140) throw new Error(`not the answer: ${statusCode}`);
});
await pool.close();
console.log(JSON.stringify({ 'p50-us': p50, 'p99-us': p99 }));
