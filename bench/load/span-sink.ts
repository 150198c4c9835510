import { createServer } from 'node:http';
import { portOf } from './served.ts';

/** A collector that takes every OTLP export and forgets it. */
export interface SpanSink extends Disposable {
  /** For `otlp: { url }`. */
  readonly url: string;
}

/** Listens on a free port of loopback. */
export async function startSpanSink(): Promise<SpanSink> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
