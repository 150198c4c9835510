// http-proxy as a plain reverse proxy: one prefix, two fields set, no lines.
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const target = `http://127.0.0.1:${process.env.BENCH_ORIGIN_PORT}`;
const proxy = httpProxy.createProxyServer({ target, xfwd: true, agent: new Agent({ keepAlive: true }) });
const server = createServer((request, response) => {
  if (request.url.startsWith('/orders')) proxy.web(request, response);
  else response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', port: server.address().port }));
process.on('disconnect', () => process.exit(0));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ type: 'usage', cpuUs: user + system, exported: 0, dropped: 0, unsampled: 0, omitted: 0 });
});
