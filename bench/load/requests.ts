import { connect, type Socket } from 'node:net';
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
}

/** Keeps a number of connections busy with one request. */
export interface Load extends Disposable {
  /** Answers so far; each was a 200 with a body. */
  readonly answers: number;
  /** Rejects with the first answer that was something else, or a connection that broke. */
  readonly failed: Promise<never>;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CHUNKS_END = Buffer.from('0\r\n\r\n');

/**
 * Opens the connections and goes on until it is disposed. It parses no more of an answer than its status and length, so
 * that on a machine with few cores the server is what is measured.
 */
export function startLoad(options: LoadOptions): Load {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const request = requestBytes(options);
  const sockets: Socket[] = [];
  let answers = 0;
  let stopped = false;

  for (let index = 0; index < options.connections; index += 1) {
    const socket = connect(options.to);
    let held: Buffer | undefined;
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk: Buffer) => {
      if (stopped) return;
      const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
      const answer = whole(bytes);
      held = answer.kind === 'partial' ? bytes : undefined;
      if (answer.kind === 'partial') return;
      if (answer.kind === 'wrong') reject(new Error(`not the answer: ${bytes.toString('utf8').slice(0, 500)}`));
      answers += 1;
      socket.write(request);
    });
    socket.on('error', reject);
    socket.on('close', () => stopped || reject(new Error('the server closed a connection')));
    sockets.push(socket);
  }
  return {
    get answers() {
      return answers;
    },
    failed,
    [Symbol.dispose]() {
      stopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

function requestBytes({ path, headers, body, method = 'POST' }: LoadOptions): Buffer {
  const framing = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  const own = { host: 'localhost', ...(method === 'POST' ? framing : {}) };
  const lines = Object.entries({ ...own, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function whole(bytes: Buffer): { readonly kind: 'whole' | 'partial' | 'wrong' } {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return { kind: 'partial' };
  const head = bytes.toString('latin1', 0, headEnd);
  if (!head.startsWith('HTTP/1.1 200 ')) return { kind: 'wrong' };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return { kind: bytes.subarray(-5).equals(CHUNKS_END) ? 'whole' : 'partial' };
  const size = headEnd + 4 + Number(length);
  return { kind: bytes.length < size ? 'partial' : bytes.length === size ? 'whole' : 'wrong' };
}
