import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { realClock, seededRandom, virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../snapshot/read-snapshot.ts';
import type { EngineOptions } from './engine-options.ts';
import { startEngine } from './engine.ts';

/** An upstream that is told what to say, byte by byte. */
export interface Upstream {
  readonly origin: string;
  /** Connections that it was given, in their order. */
  readonly sockets: readonly UpstreamSocket[];
  /** The n-th connection, when it is there. */
  socket(index: number): Promise<UpstreamSocket>;
}

/** One connection, seen from either end. */
export class Wire {
  readonly socket: Socket;
  text = '';
  readonly closed: Promise<string>;
  #onChange: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', () => resolve(this.text)));
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text;
      for (const tell of this.#onChange.splice(0)) tell();
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  }

  /** Sends latin1 text. */
  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves when what has come holds `text`. */
  async got(text: string | RegExp): Promise<string> {
    const isThere = () => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text));
    while (!isThere()) await new Promise<void>((resolve) => this.#onChange.push(resolve));
    return this.text;
  }

  /** Forgets what has come. */
  clear(): this {
    this.text = '';
    return this;
  }
}

export type UpstreamSocket = Wire;

/** A listening upstream. `onConnection` may answer by itself. */
export async function upstream(onConnection: (wire: Wire, index: number) => void = () => {}): Promise<Upstream> {
  const sockets: Wire[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const wire = new Wire(socket);
    sockets.push(wire);
    onConnection(wire, sockets.length - 1);
    for (const tell of waiting.splice(0)) tell();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const { socket } of sockets) socket.destroy();
    server.close();
  });
  return {
    // A TCP server's address is an object once it listens.
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async socket(index) {
      for (;;) {
        const wire = sockets[index];
        if (wire !== undefined) return wire;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

/** An upstream that answers each whole request without a body. */
export function answering(answer: string): Promise<Upstream> {
  return upstream((wire) => {
    let answered = 0;
    wire.socket.on('data', () => {
      const asked = wire.text.split('\r\n\r\n').length - 1;
      for (; answered < asked; answered += 1) wire.send(answer);
    });
  });
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** What a snapshot says, in the form that people write. */
export interface Written {
  readonly routes?: readonly object[];
  readonly clusters: Readonly<Record<string, object>>;
  readonly filters?: readonly object[];
  /** What is said of the listener. */
  readonly listener?: object;
}

/** A snapshot of one listener; without routes, everything goes to the first cluster. */
export function written(
  { routes, clusters, filters, listener = {} }: Written,
  kinds: readonly FilterKind[] = FILTER_KINDS,
) {
  const [first] = Object.keys(clusters);
  return snapshotFrom(
    {
      listeners: [{ name: 'web', address: '127.0.0.1:0', ...(privateHandles ? { privateHandles } : {}), ...listener }],
      routes: routes ?? [{ name: 'all', to: first }],
      clusters,
      ...(filters === undefined ? {} : { filters }),
    },
    { origin: 'test', loadedAtMs: 0, kinds },
  );
}

let privateHandles = false;

/** Tests of what is the same however listeners read: engines that are `running` within read both ways in turn. */
export function bothWays(tests: () => void): void {
  describe.each([
    ['streams', false],
    ['private handles', true],
  ])('read by %s:', (_name, isPrivate) => {
    beforeAll(() => void (privateHandles = isPrivate));
    afterAll(() => void (privateHandles = false));
    tests();
  });
}

/** An engine on a virtual clock, with clients for it. */
export async function running(
  what: Written,
  options: Partial<Omit<EngineOptions, 'snapshot'>> & { readonly isReal?: boolean } = {},
) {
  const { isReal = false, ...given } = options;
  const virtual = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const clock = isReal ? realClock() : virtual;
  const telemetry = recordingTelemetry({ clock });
  const random = seededRandom('engine');
  const engine = await startEngine({ snapshot: written(what, given.kinds), clock, random, telemetry, ...given });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const port = Number(new URL(engine.urls.get('web') ?? '').port);
  return {
    engine,
    clock: virtual,
    telemetry,
    client: () => new Wire(connect({ host: '127.0.0.1', port, allowHalfOpen: true })),
  };
}

/** A request without a body. */
export const get = (path: string, ...lines: string[]) =>
  `GET ${path} HTTP/1.1\r\nHost: shop.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** The access lines so far. */
export const linesOf = (telemetry: { readonly logs: readonly { readonly msg: string }[] }) =>
  telemetry.logs.filter(({ msg }) => msg === 'request');
