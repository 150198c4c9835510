import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { KEPT_BYTES, TEXT } from './origin.ts';

/** One kind of load: does one thing, and throws when it did not go as it should. */
export interface Client {
  readonly name: string;
  /** How long it pauses between two, in milliseconds. */
  readonly pauseMs: number;
  /** How many requests one turn is. */
  readonly requests: number;
  turn(): Promise<void>;
}

/** Those who have a key at the gateway. */
export const TENANTS = ['acme', 'globex', 'initech'] as const;
const CODINGS = ['gzip', 'br'] as const;
const MIB = Buffer.alloc(1024 * 1024, 'x');
/** The beginning of a ClientHello, which promises more. */
const HELLO = Buffer.from([0x16, 0x03, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0xfc, 0x03, 0x03]);

/** Where a gateway is asked, plain and over TLS, and what its certificates are signed by. */
export interface Gateway {
  readonly url: string;
  readonly tlsUrl: string;
  readonly authority: string;
}

/** All kinds of clients, honest and other, of a gateway. `close` ends what they keep. */
export function clientsOf({ url, tlsUrl, authority }: Gateway): {
  readonly clients: readonly Client[];
  close(): void;
} {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const trust = { ca: authority, servername: 'soak.test' };
  const tlsAgent = new TlsAgent({ keepAlive: true, maxSockets: 4, ...trust });
  const port = Number(new URL(url).port);
  const tlsPort = Number(new URL(tlsUrl).port);
  const sessions = new Map<string, ClientHttp2Session>();
  let kept = 0;
  let turn = 0;

  async function ask(
    path: string,
    options: RequestOptions = {},
    body?: Buffer | readonly Buffer[],
  ): Promise<IncomingMessage> {
    const send = options.port === tlsPort ? requestTls : request;
    const sent = send({
      port,
      host: '127.0.0.1',
      path,
      agent,
      method: body === undefined ? 'GET' : 'POST',
      ...options,
    });
    const [answer] = await Promise.all([once(sent, 'response'), give()]);
    // `as`: what the event brings.
    return answer[0] as IncomingMessage;

    async function give(): Promise<void> {
      if (Array.isArray(body)) {
        for (const part of body) if (!sent.write(part)) await once(sent, 'drain');
        sent.end();
      } else sent.end(body);
    }
  }

  async function whole(
    path: string,
    bytes: number,
    body?: Buffer | readonly Buffer[],
    options: RequestOptions = {},
  ): Promise<void> {
    const answer = await ask(path, options, body);
    let length = 0;
    for await (const part of answer) length += (part as Buffer).length;
    if (answer.statusCode !== 200 || length !== bytes)
      throw new Error(`${path}: ${answer.statusCode} with ${length} bytes instead of ${bytes}`);
  }

  /** Sends text and cuts the connection when something has come back, or after `ms`. */
  async function cutAfter(text: string | Buffer, ms: number, to = port): Promise<void> {
    const socket = connect({ port: to, host: '127.0.0.1' });
    // What the gateway cuts is told by `close`.
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    socket.write(text);
    await Promise.race([once(socket, 'data'), closed, sleep(ms)]).catch(() => {});
    socket.destroy();
    await closed;
  }

  function http2Session(to: string): ClientHttp2Session {
    const open = sessions.get(to);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connectHttp2(to, trust);
    // Streams tell what went wrong.
    session.on('error', () => {});
    sessions.set(to, session);
    return session;
  }

  async function stream(to: string, isReset: boolean): Promise<void> {
    const session = http2Session(to);
    const asked = session.request({ ':path': isReset ? '/large' : '/ok', ':authority': 'soak.test' });
    let length = 0;
    asked.on('data', (part: Buffer) => {
      length += part.length;
      if (isReset) asked.close(constants.NGHTTP2_CANCEL);
    });
    // `close` follows.
    asked.on('error', () => {});
    await once(asked, 'close').catch(() => {});
    if (isReset || length === 2) return;
    // A session that ends refuses what has just begun, which may be asked again (RFC 9113, section 8.7).
    if (asked.rstCode === constants.NGHTTP2_REFUSED_STREAM || session.closed) return stream(to, false);
    throw new Error(`a stream of HTTP/2 brought ${length} bytes instead of 2: ${asked.rstCode}`);
  }

  async function webSocket(): Promise<void> {
    const sent = request({
      port,
      host: '127.0.0.1',
      path: '/socket',
      agent: false,
      headers: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'c29hay1zb2FrLXNvYWs=',
        'sec-websocket-version': '13',
      },
    });
    sent.end();
    // `as`: what the event brings.
    const [, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, Socket];
    const closed = once(socket, 'close');
    for (let count = 0; count < 5; count += 1) {
      const heard = once(socket, 'data');
      socket.write(`round ${count}`);
      const [text] = (await heard) as [Buffer];
      if (text.toString() !== `round ${count}`) throw new Error(`a WebSocket brought ${text.toString()}`);
    }
    socket.end();
    await closed;
  }

  /** An answer that comes compressed, as each of the codings in turn. */
  async function compressed(): Promise<void> {
    turn += 1;
    const coding = CODINGS[turn % CODINGS.length] ?? 'gzip';
    const answer = await ask('/text', { headers: { 'accept-encoding': coding } });
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    if (answer.headers['content-encoding'] !== coding) throw new Error(`/text: came without ${coding}`);
    const decode = coding === 'br' ? brotliDecompressSync : gunzipSync;
    if (decode(Buffer.concat(parts)).toString() !== TEXT) throw new Error(`/text: ${coding} is another text`);
  }

  async function text(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await ask(path, { headers });
    let said = '';
    for await (const part of answer) said += String(part);
    return `${answer.statusCode} ${said}`;
  }

  /** An answer of two parts, and without a third one that fails. */
  async function composed(): Promise<void> {
    turn += 1;
    const part = `"target":"/part/${turn}"`;
    const said = await text(`/composed/${turn}`);
    if (!said.startsWith(`200 {${part},"payment":{${part}},"partial":{"missing":`))
      throw new Error(`/composed: ${said}`);
  }

  /** What is kept for each tenant, which no other one is given. */
  async function own(): Promise<void> {
    turn += 1;
    const tenant = TENANTS[turn % TENANTS.length] ?? '';
    const said = await text(`/own?of=${turn % 5}`, { 'x-api-key': tenant });
    if (said !== `200 ${tenant}`) throw new Error(`/own: ${tenant} was given ${said}`);
    const refused = await text(`/own?of=${turn % 5}`, { 'x-api-key': 'stranger' });
    if (!refused.startsWith('401 ')) throw new Error(`/own: a stranger was given ${refused}`);
  }

  const head = (path: string, lines = '') => `POST ${path} HTTP/1.1\r\nHost: soak.test\r\n${lines}\r\n`;
  const client = (name: string, pauseMs: number, turn: () => Promise<void>, requests = 1): Client => ({
    name,
    pauseMs,
    requests,
    turn,
  });
  /** Whatever comes of it is right, as long as it ends. */
  const anyhow = (path: string) => async () => {
    const answer = await ask(path);
    answer.on('error', () => {});
    const closed = once(answer, 'close');
    answer.resume();
    await closed;
  };
  const overTls: RequestOptions = { port: tlsPort, agent: tlsAgent };
  const parts = Array.from({ length: 16 }, () => MIB.subarray(0, 8 * 1024));
  return {
    clients: [
      client('keep-alive', 2, () => whole('/ok', 2)),
      client('keep-alive too', 3, () => whole('/ok', 2)),
      client('upload of 1 MiB', 40, () => whole('/echo', MIB.length, MIB)),
      client('download of 1 MiB', 40, () => whole('/large', MIB.length)),
      client('chunks both ways', 20, () => whole('/echo', 16 * 8 * 1024, parts)),
      client('chunks', 20, () => whole('/chunks', MIB.length)),
      client('abort in the head', 10, () => cutAfter('GET / HTTP/1.1\r\nHost: so', 5)),
      client('abort in the body', 10, () => cutAfter(`${head('/echo', 'Content-Length: 100000\r\n')}part`, 10)),
      client('abort while answered', 20, () => cutAfter(head('/large', 'Content-Length: 0\r\n'), 1_000)),
      client('no request', 20, () => cutAfter(head('/', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'), 1_000)),
      client('upstream that cuts', 20, anyhow('/bad/now')),
      client('upstream that cuts in the body', 20, () => cutAfter(head('/bad/half', 'Content-Length: 0\r\n'), 5_000)),
      client('upstream that is slow', 50, anyhow('/bad/slow')),
      client('WebSocket', 30, webSocket),
      client('kept answers, of few', 5, () => whole(`/kept?of=${(kept += 1) % 7}`, KEPT_BYTES)),
      client('kept answers, another each time', 10, () => whole(`/kept?new=${(kept += 1)}`, KEPT_BYTES)),
      client('kept answers, left half-way', 50, () =>
        cutAfter(`GET /kept?cut=${(kept += 1)} HTTP/1.1\r\nHost: soak.test\r\n\r\n`, 1_000),
      ),
      client('compressed', 30, compressed),
      client('compressed, left half-way', 60, () =>
        cutAfter('GET /text HTTP/1.1\r\nHost: soak.test\r\nAccept-Encoding: gzip\r\n\r\n', 1_000),
      ),
      client('composed', 20, composed),
      client('a service says who may pass', 10, () => whole('/asked', 2)),
      client('kept for each tenant', 10, own, 2),
      client('stream of HTTP/2', 5, () => stream(url, false)),
      client('stream of HTTP/2 that is reset', 200, () => stream(url, true)),
      client('TLS', 5, () => whole('/ok', 2, undefined, overTls)),
      client('TLS, another connection each time', 50, () =>
        whole('/ok', 2, undefined, { ...overTls, ...trust, agent: false }),
      ),
      client('TLS, 1 MiB both ways', 60, () => whole('/echo', MIB.length, MIB, overTls)),
      client('TLS, a stream of HTTP/2', 10, () => stream(tlsUrl, false)),
      client('TLS, a stream of HTTP/2 that is reset', 200, () => stream(tlsUrl, true)),
      client('TLS, abort in the handshake', 100, () => cutAfter(HELLO, 20, tlsPort)),
    ],
    close() {
      agent.destroy();
      tlsAgent.destroy();
      for (const session of sessions.values()) session.destroy();
    },
  };
}
