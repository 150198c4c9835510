// What proxies are measured in front of with large bodies: takes as many bytes as a request says, and answers as many.
import { createServer } from 'node:net';
import { portOf, served } from '../load/served.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

const server = createServer({ noDelay: true }, (socket) => {
  let head = Buffer.alloc(0);
  let size = 0;
  let left = 0;
  const took = (bytes: number): void => {
    left -= bytes;
    if (left > 0) return;
    socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${size}\r\n\r\n`);
    socket.write(Buffer.alloc(size, 'x'));
  };
  socket.on('data', (chunk: Buffer) => {
    if (left > 0) return took(chunk.length);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) return;
    size = Number(/\r\ncontent-length: *(\d+)/i.exec(head.toString('latin1', 0, end))?.[1] ?? 0);
    left = size;
    const already = head.length - end - HEAD_END.length;
    head = Buffer.alloc(0);
    took(already);
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => served({ port: portOf(server.address()) }));
