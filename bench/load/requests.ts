import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Listening } from './served.ts';

/** What is sent, again and again. */
export interface LoadOptions {
  readonly to: Listening;
  /** Connections, each with one request at a time. */
  readonly connections: number;
  readonly path: string;
  /** Default POST. Another has no body. */
  readonly method?: 'GET' | 'POST';
  /** Written as they are, besides `host`, `content-type` and `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What differs from request to request, in turn. Default: nothing. */
  readonly variants?: readonly Variant[];
  /** Speaks TLS 1.3, and trusts this certificate (PEM) for `localhost`. Default: plain. */
  readonly certificate?: string | undefined;
  /**
   * Requests a second over all connections; what is due when all of them are busy waits, and its wait counts. Default: the next
   * when the last is answered.
   */
  readonly perSecond?: number | undefined;
}

/** How one request differs from the others. */
export interface Variant {
  readonly path?: string;
  /** Besides the others. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Keeps a number of connections busy with one request. */
export interface Load extends Disposable {
  /** Answers so far; each was a 200 with a body, or is one of the failures. */
  readonly answers: number;
  /** Answers that were something else, and connections that broke. */
  readonly failures: number;
  /** How long each took since this was last read, in microseconds; empty without `perSecond`. */
  takenUs(): readonly number[];
  /** Rejects with the first of the failures. */
  readonly failed: Promise<never>;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CHUNKS_END = Buffer.from('0\r\n\r\n');
const TICK_MS = 1;

/**
 * Opens the connections and goes on until it is disposed. It parses no more of an answer than its status and length, so
 * that on a machine with few cores the server is what is measured.
 */
export function startLoad(options: LoadOptions): Load {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const requests = (options.variants ?? [{}]).map((variant) => requestBytes(options, variant));
  const { perSecond, certificate } = options;
  const sockets: Socket[] = [];
  const free: Connection[] = [];
  const due: number[] = [];
  let taken: number[] = [];
  let answers = 0;
  let failures = 0;
  let sent = 0;
  let stopped = false;

  const fail = (error: Error): void => {
    if (stopped) return;
    failures += 1;
    reject(error);
  };
  const send = (connection: Connection, dueMs: number): void => {
    connection.dueMs = dueMs;
    connection.socket.write(requests[sent++ % requests.length] ?? '');
  };
  const next = (connection: Connection): void => {
    if (perSecond === undefined) return send(connection, 0);
    const dueMs = due.shift();
    if (dueMs === undefined) free.push(connection);
    else send(connection, dueMs);
  };
  const pace = (rate: number): NodeJS.Timeout => {
    const beganMs = performance.now();
    let told = 0;
    return setInterval(() => {
      const nowMs = performance.now();
      for (const until = ((nowMs - beganMs) * rate) / 1_000; told < until; told += 1) {
        const connection = free.shift();
        if (connection === undefined) due.push(nowMs);
        else send(connection, nowMs);
      }
    }, TICK_MS);
  };

  for (let index = 0; index < options.connections; index += 1) {
    const socket =
      certificate === undefined
        ? connect(options.to)
        : connectTls({ ...options.to, ca: certificate, servername: 'localhost', minVersion: 'TLSv1.3' });
    const connection: Connection = { socket, dueMs: 0 };
    let parts: Buffer[] = [];
    let missing = 0;
    socket.setNoDelay(true);
    socket.on(certificate === undefined ? 'connect' : 'secureConnect', () => next(connection));
    socket.on('data', (chunk: Buffer) => {
      if (stopped) return;
      parts.push(chunk);
      missing -= chunk.length;
      // A large body is not looked at before all of it is there.
      if (missing > 0) return;
      const bytes = parts.length === 1 ? chunk : Buffer.concat(parts);
      const answer = whole(bytes);
      parts = answer.kind === 'partial' ? [bytes] : [];
      missing = answer.kind === 'partial' ? answer.missing : 0;
      if (answer.kind === 'partial') return;
      if (answer.kind === 'wrong') fail(new Error(`not the answer: ${bytes.toString('utf8').slice(0, 500)}`));
      if (perSecond !== undefined) taken.push((performance.now() - connection.dueMs) * 1_000);
      answers += 1;
      next(connection);
    });
    socket.on('error', reject);
    socket.on('close', () => fail(new Error('the server closed a connection')));
    sockets.push(socket);
  }
  const timer = perSecond === undefined ? undefined : pace(perSecond);
  return {
    get answers() {
      return answers;
    },
    get failures() {
      return failures;
    },
    takenUs() {
      const all = taken;
      taken = [];
      return all;
    },
    failed,
    [Symbol.dispose]() {
      stopped = true;
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Connection {
  readonly socket: Socket;
  /** When its request was due, by `performance.now()`. */
  dueMs: number;
}

function requestBytes({ path, headers, body, method = 'POST' }: LoadOptions, variant: Variant): Buffer {
  const framing = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const own = { host: 'localhost', ...(method === 'POST' ? framing : {}) };
  const all = { ...own, ...headers, ...variant.headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${variant.path ?? path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

type Seen =
  | { readonly kind: 'whole' }
  | { readonly kind: 'wrong' }
  /** At least so many bytes are missing. */
  | { readonly kind: 'partial'; readonly missing: number };

function whole(bytes: Buffer): Seen {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return { kind: 'partial', missing: 1 };
  const head = bytes.toString('latin1', 0, headEnd);
  if (!head.startsWith('HTTP/1.1 200 ')) return { kind: 'wrong' };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined)
    return bytes.subarray(-5).equals(CHUNKS_END) ? { kind: 'whole' } : { kind: 'partial', missing: 1 };
  const size = headEnd + 4 + Number(length);
  if (bytes.length < size) return { kind: 'partial', missing: size - bytes.length };
  return { kind: bytes.length === size ? 'whole' : 'wrong' };
}
