import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CaseRequest } from './case.fixture.ts';

/** What a client was told. */
export interface Told {
  readonly status: number;
  /** `name: value`, sorted; without those of the connection, the framing, and the server itself. */
  readonly fields: readonly string[];
  readonly body: string;
}

const OWN = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'server',
  'traceparent',
  'transfer-encoding',
  'x-request-id',
]);

/** Asks by plain sockets, byte by byte what was written. */
export async function ask(
  address: string,
  { text, port = 8080, isTls = false }: CaseRequest,
  key: string,
): Promise<Told> {
  const [head = '', ...rest] = text.split('\n\n');
  const lines = head.split('\n');
  if (!lines.some((line) => /^host:/i.test(line)) && !/HTTP\/1\.0/.test(lines[0] ?? ''))
    lines.push(`Host: shop.test:${port}`);
  lines.push('Connection: close', `X-Case: ${key}`);
  const body = rest.join('\n\n');
  if (body !== '' && !lines.some((line) => /^transfer-encoding:/i.test(line)))
    lines.push(`Content-Length: ${body.length}`);
  const [first = ''] = lines;
  if (!/ HTTP\/1\.[01]$/.test(first)) lines[0] = `${first} HTTP/1.1`;
  const options = { host: address, port, localAddress: '127.0.0.1' };
  const socket = isTls
    ? connectTls({ ...options, rejectUnauthorized: false, servername: 'shop.test' })
    : connectPlain(options);
  return new Promise((resolve, reject) => {
    let received = '';
    socket.setEncoding('latin1').on('data', (part: string) => (received += part));
    socket.on('error', reject);
    socket.on('close', () => resolve(read(received)));
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  });
}

function read(text: string): Told {
  const end = text.indexOf('\r\n\r\n');
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const fields = lines.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  const raw = text.slice(end + 4);
  const isChunked = fields.some((line) => line === 'transfer-encoding: chunked');
  return {
    status: Number(start.split(' ')[1]),
    fields: fields.filter((line) => !OWN.has(line.split(':')[0] ?? '')).toSorted(),
    body: isChunked ? whole(raw) : raw,
  };
}

function whole(chunks: string): string {
  let body = '';
  for (let at = 0; at < chunks.length;) {
    const line = chunks.indexOf('\r\n', at);
    const size = Number.parseInt(chunks.slice(at, line), 16);
    if (!(size > 0)) break;
    body += chunks.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return body;
}
