// @fastify/http-proxy as a plain reverse proxy: one prefix, two fields set, no lines.
import proxy from '@fastify/http-proxy';
import fastify from 'fastify';

const app = fastify({ logger: false });
await app.register(proxy, {
  upstream: `http://127.0.0.1:${process.env.BENCH_ORIGIN_PORT}`,
  prefix: '/orders',
  rewritePrefix: '/orders',
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => ({
      ...headers,
      'x-forwarded-for': request.ip,
      'x-forwarded-proto': 'http',
    }),
  },
});
await app.listen({ host: '127.0.0.1', port: 0 });
const { port } = app.server.address();
process.on('disconnect', () => process.exit(0));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ type: 'usage', cpuUs: user + system, exported: 0, dropped: 0, unsampled: 0, omitted: 0 });
});
process.send({ type: 'ready', port });
