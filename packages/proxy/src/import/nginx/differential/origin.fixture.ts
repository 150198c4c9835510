import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What an origin was asked. */
export interface Asked {
  readonly origin: string;
  readonly method: string;
  readonly target: string;
  /** `name: value`, sorted; without those of the connection and the framing. */
  readonly fields: readonly string[];
  readonly body: string;
}

const OF_CONNECTION = new Set(['connection', 'content-length', 'transfer-encoding', 'keep-alive', 'te']);

/** Origins that remember what they were asked, by the request's `x-case`, and answer what its `x-want` says. */
export class Origins {
  readonly #asked = new Map<string, Asked[]>();
  readonly #servers: ReturnType<typeof createServer>[] = [];
  #release = Promise.withResolvers<void>();
  #waiting: (() => void)[] = [];

  async open(name: string, host: string): Promise<string> {
    const server = createServer((request, response) => void this.#answer(name, request, response));
    server.listen(0, host);
    this.#servers.push(server);
    await once(server, 'listening');
    const address = server.address();
    return `${host}:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  asked(key: string): readonly Asked[] {
    return this.#asked.get(key) ?? [];
  }

  /** Resolves when somebody was asked this. */
  async wasAsked(key: string): Promise<void> {
    while (!this.#asked.has(key)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Answers what was held. */
  release(): void {
    this.#release.resolve();
    this.#release = Promise.withResolvers<void>();
  }

  close(): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #answer(origin: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '', headers, rawHeaders } = request;
    const released = this.#release.promise;
    let body = '';
    for await (const part of request.setEncoding('latin1')) body += String(part);
    const fields: string[] = [];
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]?.toLowerCase() ?? '';
      if (!OF_CONNECTION.has(name)) fields.push(`${name}: ${rawHeaders[at + 1]}`);
    }
    const key = String(headers['x-case']);
    const asked = { origin, method, target, fields: fields.toSorted(), body };
    this.#asked.set(key, [...this.asked(key), asked]);
    for (const tell of this.#waiting.splice(0)) tell();
    if (headers['x-hold'] !== undefined) await released;
    const wanted = target.startsWith('/validate')
      ? String(headers['x-auth'] ?? '200')
      : String(headers['x-want'] ?? '200');
    const [status = '200', ...lines] = wanted.split(';');
    if (target.startsWith('/validate')) lines.push('x-user=ada', 'www-authenticate=Bearer realm="shop"');
    response.setHeader('server', 'origin').setHeader('x-origin', origin).setHeader('content-type', 'text/plain');
    response.sendDate = false;
    for (const line of lines) {
      const equals = line.indexOf('=');
      response.appendHeader(line.slice(0, equals), line.slice(equals + 1));
    }
    response.writeHead(Number(status)).end(`${origin} ${method} ${target} ${body}`);
  }
}
