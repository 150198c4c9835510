import { once } from 'node:events';
import { upstream, type Upstream, type Wire } from '../../engine/engine.fixture.ts';

/** A request as an origin sees it. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly wire: Wire;
  /** How many it was asked before. */
  readonly index: number;
}

/** An origin that a test answers for. */
export interface Origin extends Upstream {
  readonly asked: readonly Asked[];
  /** The n-th request, when it is there. */
  request(index: number): Promise<Asked>;
}

/** Text of an answer with a length. */
export function answer(status: number, lines: readonly string[], body = ''): string {
  const bare = status === 304 || status === 204;
  const length = bare ? [] : [`content-length: ${Buffer.byteLength(body, 'latin1')}`];
  return `HTTP/1.1 ${status} Said\r\n${[...lines, ...length].map((line) => `${line}\r\n`).join('')}\r\n${bare ? '' : body}`;
}

/** Asks `handle` for each request without a body; what it doesn't answer waits for the test. */
export async function origin(handle: (asked: Asked) => string | undefined = () => undefined): Promise<Origin> {
  const asked: Asked[] = [];
  const waiting: (() => void)[] = [];
  const server = await upstream((wire) => {
    let read = 0;
    wire.socket.on('data', () => {
      for (;;) {
        const end = wire.text.indexOf('\r\n\r\n', read);
        if (end === -1) return;
        const request = requestOf(wire.text.slice(read, end), wire, asked.length);
        read = end + 4 + Number(request.fields.get('content-length') ?? 0);
        asked.push(request);
        for (const tell of waiting.splice(0)) tell();
        const said = handle(request);
        if (said !== undefined)
          wire.send(request.method === 'HEAD' ? said.slice(0, said.indexOf('\r\n\r\n') + 4) : said);
      }
    });
  });
  return {
    ...server,
    asked,
    async request(index) {
      for (;;) {
        const request = asked[index];
        if (request !== undefined) return request;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

function requestOf(text: string, wire: Wire, index: number): Asked {
  const [line = '', ...lines] = text.split('\r\n');
  const [method = '', target = ''] = line.split(' ');
  const fields = lines.map((each) => {
    const colon = each.indexOf(':');
    return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
  });
  return { method, target, fields: new Map(fields), wire, index };
}

/** An answer as a client sees it. */
export interface Got {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Asks on a connection of its own or a kept one, and reads the answer, which has a length or chunks. */
export async function ask(client: Wire, text: string): Promise<Got> {
  client.clear().send(text);
  const head = (await client.got('\r\n\r\n')).split('\r\n\r\n', 1)[0] ?? '';
  const [line = '', ...lines] = head.split('\r\n');
  const fields = new Map(
    lines.map((each) => {
      const colon = each.indexOf(':');
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const;
    }),
  );
  const status = Number(line.split(' ')[1]);
  const isBare = text.startsWith('HEAD') || status === 304 || status === 204;
  const from = head.length + 4;
  const isChunked = fields.get('transfer-encoding') === 'chunked';
  const bytes = isBare ? 0 : Number(fields.get('content-length') ?? 0);
  while (isChunked ? !client.text.endsWith('0\r\n\r\n') : client.text.length < from + bytes) {
    const { length } = client.text;
    await Promise.race([once(client.socket, 'data'), client.closed]);
    if (client.text.length === length) break;
  }
  const body = client.text.slice(from);
  return { status, fields, body: isChunked ? unchunked(body) : body };
}

function unchunked(text: string): string {
  let body = '';
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at);
    const bytes = Number.parseInt(text.slice(at, end), 16);
    if (!(bytes > 0)) return body;
    body += text.slice(end + 2, end + 2 + bytes);
    at = end + 4 + bytes;
  }
}
