import { connect, type Socket } from 'node:net';
import { realClock, type Clock } from '@fairlead/core';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import type { ListenAddress, ServerLimits } from './options.ts';
import { serve, type NetServer } from './serve.ts';
import type { ServerRequest } from './server-request.ts';

export type Handler = (request: ServerRequest) => void | Promise<void>;

let hasPrivateHandles = false;

/** Tests of what is the same however a server reads: servers that are `listening` within read both ways in turn. */
export function bothWays(tests: () => void): void {
  describe.each([
    ['streams', false],
    ['private handles', true],
  ])('read by %s:', (_name, isPrivate) => {
    beforeAll(() => void (hasPrivateHandles = isPrivate));
    afterAll(() => void (hasPrivateHandles = false));
    tests();
  });
}

/** A server that ends with the test. */
export async function listening(
  onRequest: Handler,
  more: { listen?: ListenAddress; limits?: ServerLimits; clock?: Clock } = {},
): Promise<NetServer> {
  const server = await serve({
    listen: more.listen ?? { host: '127.0.0.1', port: 0 },
    hasPrivateHandles,
    clock: more.clock ?? realClock(),
    onRequest: (request) => void onRequest(request),
    refusal: ({ code }) => ({ status: code === 'HTTP_TIMEOUT' ? 408 : 400, fields: {}, body: code }),
    ...(more.limits === undefined ? {} : { limits: more.limits }),
  });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return server;
}

/** A client that writes what it is told and remembers what it gets. */
export class Client {
  readonly socket: Socket;
  text = '';
  readonly closed: Promise<string>;
  #onText: (() => void) | undefined;

  constructor(server: NetServer) {
    this.socket = server.url.startsWith('unix:')
      ? connect({ path: server.url.slice(5), allowHalfOpen: true })
      : connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
    this.closed = new Promise((resolve) => this.socket.on('close', () => resolve(this.text)));
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.text += text;
      this.#onText?.();
    });
    this.socket.on('end', () => this.socket.end());
    this.socket.on('error', () => {});
    onTestFinished(() => void this.socket.destroy());
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves when what has come ends with, or holds, `text`. */
  async got(text: string | RegExp): Promise<string> {
    const isThere = () => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text));
    while (!isThere()) await new Promise<void>((resolve) => (this.#onText = resolve));
    return this.text;
  }
}

/** A request without a body. */
export const get = (path: string, ...lines: string[]) =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

export const echoPath: Handler = (request) =>
  request.answer(200, { 'x-path': request.head.target }, `at ${request.head.target}`);
