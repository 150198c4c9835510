import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { realTurn, seededRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../snapshot/read-snapshot.ts';
import { startStandalone } from '../standalone/standalone.ts';

/** A request as llhttp, at the origin, understood it. */
export interface Arrived {
  /** Method and target. */
  readonly start: string;
  /** Names in lower case, and values, in turns. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** A gateway as it stands alone, before an origin that takes down every byte. */
export interface AttackedGateway extends AsyncDisposable {
  readonly port: number;
  readonly clock: VirtualClock;
  /** Whole requests that have come to the origin since `begin`. */
  readonly arrived: readonly Arrived[];
  /** Whatever has come to the origin since `begin`, as latin1 text. */
  readonly bytes: string;
  /** What llhttp could not read, of what came to the origin. */
  readonly unreadable: readonly string[];
  /** Method and path of the requests that the gateway says went well. */
  readonly logged: readonly string[];
  /** Forgets what was before. */
  begin(): void;
  /** A connection that sends latin1 text. */
  attack(text: string): Attacker;
}

/** One end of a connection to a gateway. */
export class Attacker {
  text = '';
  readonly socket: Socket;
  readonly closed: Promise<string>;
  #onText: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text;
      for (const tell of this.#onText.splice(0)) tell();
    });
    this.socket.on('end', () => this.socket.end());
    // What the gateway cuts is told by `close`.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve(this.text)));
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves when what has come holds `text`. */
  async got(text: string | RegExp): Promise<string> {
    const isThere = () => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text));
    while (!isThere()) await new Promise<void>((resolve) => this.#onText.push(resolve));
    return this.text;
  }
}

/** Statuses of the answers in what a client was sent. */
export const statusesOf = (text: string): readonly number[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));

/** A request without a body. */
export const get = (target: string, ...lines: readonly string[]) =>
  `GET ${target} HTTP/1.1\r\nHost: shop.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** What ends a connection: it is answered unless what came before it has taken it in, or has ended the connection. */
export const LAST = get('/last', 'Connection: close');

/** Starts both. `edit` changes the snapshot before it is read. */
export async function attackedGateway(
  edit: (written: Record<string, unknown>) => object = (written) => written,
): Promise<AttackedGateway> {
  const state = { arrived: [] as Arrived[], bytes: '', unreadable: [] as string[] };
  const sockets = new Set<Socket>();
  const http = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (incoming, response) => {
    void take(incoming).then(
      (arrived) => {
        state.arrived.push(arrived);
        response.setHeader('x-origin', 'told');
        response.end('ok');
      },
      // What is cut off has not arrived.
      () => {},
    );
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A request that the gateway has cut off is none that could not be read.
    if (!['ECONNRESET', 'HPE_INVALID_EOF_STATE'].includes(error.code ?? '')) state.unreadable.push(error.message);
    socket.destroy();
  });
  const origin = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    // Which is how connections of others are given to it.
    http.emit('connection', socket);
    // After that, so that both see the bytes.
    socket.on('data', (chunk: Buffer) => (state.bytes += chunk.toString('latin1')));
  });
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  // `as`: a TCP server's address is an object once it listens.
  const { port: originPort } = origin.address() as AddressInfo;
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const telemetry = recordingTelemetry({ clock });
  const written = {
    listeners: [{ name: 'web', address: '127.0.0.1:0', http2: true }],
    routes: [{ name: 'all', to: 'origin', maxBody: '64MiB' }],
    clusters: { origin: { endpoints: [`http://127.0.0.1:${originPort}`] } },
  };
  const snapshot = snapshotFrom(edit(written), { origin: 'attacks', loadedAtMs: 0, kinds: FILTER_KINDS });
  const engine = await startStandalone({ snapshot, clock, random: seededRandom('attacks'), telemetry });
  const port = Number(new URL(engine.urls.get('web') ?? '').port);
  const attackers: Attacker[] = [];
  let linesBefore = 0;
  return {
    port,
    clock,
    get arrived() {
      return state.arrived;
    },
    get bytes() {
      return state.bytes;
    },
    get unreadable() {
      return state.unreadable;
    },
    get logged() {
      return telemetry.logs
        .slice(linesBefore)
        .filter((line) => line.msg === 'request' && line['status'] === 200)
        .map((line) => `${String(line['method'])} ${String(line['path'])}`);
    },
    begin() {
      Object.assign(state, { arrived: [], bytes: '', unreadable: [] });
      linesBefore = telemetry.logs.length;
    },
    attack(text) {
      const attacker = new Attacker(port);
      attackers.push(attacker);
      return attacker.send(text);
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of attackers) socket.destroy();
      await engine.close({ graceMs: 0 });
      for (const socket of sockets) socket.destroy();
      origin.close();
    },
  };
}

/** Waits until what one side has sent has been read by the other, and what follows from it has happened. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await realTurn();
}

/** Lets time pass, second by second, until the promise has settled; what must end by itself does so within `mostS`. */
export async function passing<T>(clock: VirtualClock, promise: Promise<T>, mostS = 120): Promise<T> {
  let isSettled = false;
  void promise.finally(() => (isSettled = true));
  for (let seconds = 0; seconds < mostS && !isSettled; seconds += 1) {
    await quiet();
    await clock.advance(1_000);
  }
  return promise;
}

async function take(incoming: IncomingMessage): Promise<Arrived> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return {
    start: `${incoming.method} ${incoming.url}`,
    fields: incoming.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text)),
    body: Buffer.concat(parts).toString('latin1'),
  };
}
