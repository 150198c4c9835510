import type { Clock } from '@fairlead/core';
import { serve, type ListenAddress, type NetServer, type ServerRequest } from '@fairlead/net';
import type { Telemetry } from '@fairlead/telemetry';
import type { Engine } from './engine/engine.ts';
import { describeSnapshot } from './explain/describe-snapshot.ts';
import type { CompiledSnapshot } from './snapshot/compiled-snapshot.ts';

/** What the admin server of a gateway tells of. */
export interface AdminServerOptions {
  /** Where it listens: not where strangers are. */
  readonly listen: ListenAddress;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly engine: Pick<Engine, 'isDraining'>;
  /** The one that is at work. */
  readonly snapshot: () => CompiledSnapshot;
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Serves what operators and their tools ask of a gateway: `GET /metrics` (Prometheus), `/snapshot` (what is at work, as
 * `describeSnapshot` has it), `/health/live` and `/health/ready` (503 while it drains). It only tells; nothing can be changed.
 * @throws UNAVAILABLE when the address can't be listened at
 */
export function serveAdmin(options: AdminServerOptions): Promise<NetServer> {
  const { listen, clock, telemetry } = options;
  return serve({
    listen,
    clock,
    onRequest(request) {
      answerOf(request, options).then(
        (answer) => send(request, answer),
        (error: unknown) => {
          telemetry.log.error(undefined, 'the admin server could not answer', { error });
          send(request, text(500, 'It could not be told; the log says why.'));
        },
      );
    },
    refusal: ({ message }) => ({ status: 400, fields: { 'content-type': 'text/plain' }, body: `${message}\n` }),
  });
}

async function answerOf(
  { head }: ServerRequest,
  { telemetry, engine, snapshot }: AdminServerOptions,
): Promise<AdminAnswer> {
  if (head.method !== 'GET' && head.method !== 'HEAD') return text(405, 'Only GET: nothing can be changed here.');
  switch (head.target.split('?', 1)[0]) {
    case '/metrics':
      return { status: 200, type: telemetry.metrics.contentType, body: await telemetry.metrics.exposition() };
    case '/snapshot':
      return json(200, describeSnapshot(snapshot()));
    case '/health/live':
      return json(200, { status: 'ok' });
    case '/health/ready':
      return engine.isDraining ? json(503, { status: 'draining' }) : json(200, { status: 'ok' });
    default:
      return text(404, 'There are /metrics, /snapshot, /health/live and /health/ready.');
  }
}

function text(status: number, sentence: string): AdminAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${sentence}\n` };
}

function json(status: number, value: object): AdminAnswer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

function send(request: ServerRequest, { status, type, body }: AdminAnswer): void {
  request.answer(status, { 'content-type': type, 'cache-control': 'no-store' }, body);
}
