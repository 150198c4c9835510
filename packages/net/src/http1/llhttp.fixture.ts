import { createServer, request, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { realTurn } from '@fairlead/core';

/** A message as a parser understood it. */
export interface Seen {
  /** Method and target, or status. */
  readonly start: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

/** What llhttp, through Node's server, makes of a client's bytes: the requests that it took as whole. */
export async function llhttpRequests(bytes: Buffer): Promise<Seen[]> {
  const seen: (Seen | undefined)[] = [];
  const server = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
    const place = seen.push(undefined) - 1;
    void whole(incoming, `${incoming.method} ${incoming.url}`).then(
      (message) => {
        seen[place] = message;
        response.end();
      },
      () => {},
    );
  });
  server.on('checkContinue', (incoming, response) => server.emit('request', incoming, response));
  server.on('checkExpectation', (incoming, response) => server.emit('request', incoming, response));
  const line = new Wire();
  // Which is how connections of others are given to it.
  server.emit('connection', line);
  await line.carry(bytes);
  return seen.filter((message) => message !== undefined);
}

/** What llhttp, through Node's client, makes of a server's bytes: the answer to `method`, when it took it as whole. */
export async function llhttpResponse(bytes: Buffer, method: string): Promise<Seen | undefined> {
  const line = new Wire();
  let seen: Seen | undefined;
  const sent = request({ method, createConnection: () => line, headers: { host: 'a' } }, (incoming) => {
    void whole(incoming, String(incoming.statusCode)).then(
      (message) => (seen = message),
      () => {},
    );
  });
  sent.on('error', () => {});
  sent.on('upgrade', (_incoming, socket) => socket.destroy());
  sent.end();
  await line.carry(bytes);
  return seen;
}

/** A start line with its target in origin form: Node shows an absolute one as it came. */
export function originForm(start: string): string {
  return start.replace(/ https?:\/\/[^/?]*(?=[/?]|$)/i, ' ').replace(/ (?=\?|$)/, ' /');
}

async function whole(incoming: IncomingMessage, start: string): Promise<Seen> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return {
    start,
    fields: lowered(incoming.rawHeaders),
    body: Buffer.concat(parts).toString('latin1'),
    trailers: lowered(incoming.rawTrailers),
  };
}

/** Node keeps the blanks after a value. */
function lowered(raw: readonly string[]): string[] {
  return raw.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text.replace(/^[ \t]+|[ \t]+$/g, '')));
}

/** One end of a connection in memory; what is written to it is dropped. */
class Wire extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }

  /** Delivers `bytes` and the end, and waits until nothing happens any more. */
  async carry(bytes: Buffer): Promise<void> {
    this.on('error', () => {});
    await realTurn();
    this.push(bytes);
    // Each message takes a few turns to be read, answered and followed by the next.
    for (let turns = 0; turns < 40; turns += 1) await realTurn();
    this.push(null);
    for (let turns = 0; turns < 6; turns += 1) await realTurn();
    this.destroy();
  }
}
