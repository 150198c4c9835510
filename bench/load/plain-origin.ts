import { createServer } from 'node:net';
import { portOf, served } from './served.ts';

const HEAD_END = '\r\n\r\n';

/** Serves 200 bytes for each request, with this `Cache-Control`, at the least cost that there is in Node. */
export function servePlain(cacheControl: string): void {
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: "abcdef0123456789"\r\ncache-control: ${cacheControl}\r\ncontent-length: 200\r\n\r\n${'x'.repeat(200)}`;
  const server = createServer({ noDelay: true }, (socket) => {
    let held = '';
    socket.on('data', (chunk: Buffer) => {
      const heads = (held + chunk.toString('latin1')).split(HEAD_END);
      held = heads.pop() ?? '';
      if (heads.length > 0) socket.write(answer.repeat(heads.length), 'latin1');
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => served({ port: portOf(server.address()) }));
}
