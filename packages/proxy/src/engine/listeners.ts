import type { FairleadError } from '@fairlead/core';
import { serve, type CertificateReport, type NetServer, type ServerTls, type WholeAnswer } from '@fairlead/net';
import type { CompiledListener } from '../snapshot/compiled-snapshot.ts';
import type { EngineCore } from './engine-core.ts';
import { Exchange } from './exchange.ts';
import type { LocalAnswer } from './filter.ts';
import { LiveListener } from './live-listener.ts';
import { fileTls } from './listener-tls.ts';
import { problemBody, localLines } from './problem-answer.ts';
import { traceIdIn } from './trace-ids.ts';

/** A listener that is open. */
export interface OpenListener extends NetServer {
  /** What is known of the certificates that it shows; none without TLS. */
  certificates(): readonly CertificateReport[];
  /**
   * Reads the certificates that it has in another snapshot; what it returns puts them to work.
   * @throws MISCONFIGURED when one can't be used; nothing has changed then
   */
  prepare(next: CompiledListener): Promise<() => void>;
}

/**
 * Opens a listener; each of its requests becomes an exchange.
 * @throws UNAVAILABLE when the address can't be had
 * @throws MISCONFIGURED when a certificate can't be used
 */
export async function openListener(core: EngineCore, listener: CompiledListener): Promise<OpenListener> {
  const { clock, random, telemetry } = core;
  const { log, metrics } = telemetry;
  const tls = listener.tls && (await fileTls(listener.tls, { clock, random, log, metrics, listener: listener.name }));
  try {
    const server = await serveOn(core, listener, tls);
    // A server that is closed needs no certificates.
    void server.closed.then(() => tls?.close());
    return Object.assign(server, {
      certificates: () => tls?.certificates.inspect() ?? [],
      // One without TLS has nothing to read.
      prepare: async (next: CompiledListener) => (next.tls && (await tls?.prepare(next.tls))) ?? (() => {}),
    });
  } catch (error) {
    await tls?.close();
    throw error;
  }
}

function serveOn(core: EngineCore, listener: CompiledListener, tls: ServerTls | undefined): Promise<NetServer> {
  const live = new LiveListener(listener);
  return serve({
    listen: listener.address,
    tls,
    hasHttp2: listener.hasHttp2,
    hasProxyHeader: listener.hasProxyProtocol,
    hasPrivateHandles: listener.hasPrivateHandles,
    clock: core.clock,
    limits: listener.limits,
    sieve: core.requestSieve,
    onRequest(request) {
      new Exchange(core, live, request).start();
    },
    refusal: (fault) => refusal(core, fault),
  });
}

/** What is no request is answered, counted and told of, too. */
function refusal(core: EngineCore, fault: FairleadError): WholeAnswer {
  const answer = refusalOf(fault);
  const traceLines = core.ids.lines();
  core.report.refused(answer.status, answer.cause, fault.code);
  const body = problemBody(answer, '', traceIdIn(traceLines));
  return { status: answer.status, fields: fieldsOf(localLines(answer) + traceLines), body };
}

function refusalOf(fault: FairleadError): LocalAnswer {
  const detail = fault.message;
  switch (fault.code) {
    case 'HTTP_TIMEOUT':
      return { status: 408, cause: 'REQUEST_TIMEOUT', detail };
    case 'HTTP_EXPECTATION_FAILED':
      return { status: 417, cause: 'EXPECTATION_FAILED', detail };
    case 'HTTP_FIELDS_TOO_LARGE':
      return { status: 431, cause: 'HEADERS_TOO_LARGE', detail };
    case 'HTTP_TARGET_TOO_LONG':
      return { status: 414, cause: 'TARGET_TOO_LONG', detail };
    case 'HTTP_VERSION_UNSUPPORTED':
      return { status: 505, cause: 'VERSION_UNSUPPORTED', detail };
    default:
      return { status: 400, cause: 'BAD_REQUEST', detail };
  }
}

function fieldsOf(lines: string): Record<string, string> {
  const pairs = lines.split('\r\n').filter((line) => line !== '');
  return Object.fromEntries(
    pairs.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  );
}
