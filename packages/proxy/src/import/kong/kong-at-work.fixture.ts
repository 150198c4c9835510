import { connect } from 'node:net';
import { seededRandom, virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { onTestFinished } from 'vitest';
import { startEngine } from '../../engine/engine.ts';
import { upstream, Wire } from '../../engine/engine.fixture.ts';
import { FILTER_KINDS } from '../../snapshot/filter-kinds.ts';
import { snapshotFrom } from '../../snapshot/read-snapshot.ts';
import { importKong } from './import-kong.ts';

/** A request to a gateway at test: `POST /path`, fields, a body. */
export interface KongAsk {
  readonly request: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the body goes as one chunk, its length unannounced. Default no. */
  readonly isChunked?: boolean;
  /** Default `shop.test`. */
  readonly host?: string;
}

/** What came of it: of fields the last line of each name; `seen` is what the service was asked, when it was. */
export interface KongAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly seen:
    | { readonly target: string; readonly headers: Readonly<Record<string, string>>; readonly body: string }
    | undefined;
}

/** A message's head, and where its body begins. */
function headOf(text: string): {
  readonly first: string;
  readonly headers: Record<string, string>;
  readonly bodyAt: number;
} {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { first, headers, bodyAt: end + 4 };
}

const LAST_CHUNK = '0\r\n\r\n';

/** A service that says what it was asked, with some fields of its own. */
async function service(lines: readonly string[]) {
  return upstream((wire) => {
    let from = 0;
    wire.socket.on('data', () => {
      for (;;) {
        const rest = wire.text.slice(from);
        if (!rest.includes('\r\n\r\n')) return;
        const { first, headers, bodyAt } = headOf(rest);
        const isChunked = headers['transfer-encoding'] !== undefined;
        const last = rest.indexOf(LAST_CHUNK, bodyAt);
        if (isChunked && last === -1) return;
        const length = isChunked ? last + LAST_CHUNK.length - bodyAt : Number(headers['content-length'] ?? 0);
        if (rest.length < bodyAt + length) return;
        from += bodyAt + length;
        const [method = '', target = ''] = first.split(' ');
        const body = JSON.stringify({ target, headers, body: rest.slice(bodyAt, bodyAt + length) });
        const fields = [`content-length: ${Buffer.byteLength(body)}`, 'content-type: application/json', ...lines];
        wire.send(
          `HTTP/1.1 200 OK\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n${method === 'HEAD' ? '' : body}`,
        );
      }
    });
  });
}

/**
 * A configuration of Kong at work, on a virtual clock, before a service that says what it was asked.
 * @param text in which `SERVICE` is where the service is
 * @param lines fields of its answers
 */
export async function kongAtWork(
  text: string,
  {
    lines = [],
    env = {},
  }: { readonly lines?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const behind = await service(lines);
  const imported = importKong(text.replaceAll('SERVICE', behind.origin), { file: 'kong.yaml', env, include: () => [] });
  const listeners = imported.written.listeners.map((listener) => ({ ...listener, address: '127.0.0.1:0' }));
  const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
  const snapshot = snapshotFrom(
    { ...imported.written, listeners },
    { origin: 'kong.yaml', loadedAtMs: clock.now(), kinds: FILTER_KINDS },
    (place) => imported.locate(place),
  );
  const engine = await startEngine({
    snapshot,
    clock,
    random: seededRandom('kong'),
    telemetry: recordingTelemetry({ clock }),
  });
  onTestFinished(() => engine.close({ graceMs: 0 }));
  const port = Number(new URL(engine.urls.get('http') ?? '').port);

  async function ask({
    request,
    headers = {},
    body,
    isChunked = false,
    host = 'shop.test',
  }: KongAsk): Promise<KongAnswer> {
    const wire = new Wire(connect({ host: '127.0.0.1', port, allowHalfOpen: true }));
    const fields = {
      host,
      ...(isChunked
        ? { 'transfer-encoding': 'chunked' }
        : body === undefined
          ? {}
          : { 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
      connection: 'close',
    };
    const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const content = isChunked ? `${Buffer.byteLength(body ?? '').toString(16)}\r\n${body}\r\n${LAST_CHUNK}` : body;
    wire.send(`${request} HTTP/1.1\r\n${head.join('')}\r\n${content ?? ''}`);
    const answer = await wire.closed;
    const { first, headers: told, bodyAt } = headOf(answer);
    const said = answer.slice(bodyAt);
    const isSeen = said.startsWith('{"target"');
    return {
      status: Number(first.split(' ')[1]),
      headers: told,
      body: said,
      seen: isSeen ? (JSON.parse(said) as NonNullable<KongAnswer['seen']>) : undefined,
    };
  }
  return { ask, clock, imported, snapshot, services: behind.sockets };
}

/** The problems of a configuration that is refused, as `line: message`. */
export function kongFaults(text: string, env: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    const imported = importKong(text, { file: 'kong.yaml', env, include: () => [] });
    snapshotFrom(imported.written, { origin: 'kong.yaml', loadedAtMs: 0, kinds: FILTER_KINDS }, (place) =>
      imported.locate(place),
    );
    return [];
  } catch (error) {
    // `as`: what is refused has its problems.
    const { details } = error as {
      readonly details?: {
        readonly problems?: readonly { readonly line: number; readonly path: string; readonly message: string }[];
      };
    };
    if (details?.problems === undefined) throw error;
    return details.problems.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
  }
}
