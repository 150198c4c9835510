import { formatTraceparent, HEADERS } from '@fairlead/core';
import type { Operation } from '@fairlead/contract';
import { constantSpan, type SpanOptions, type Telemetry } from '@fairlead/telemetry';
import type { Layer } from '../exchange.ts';
import { knownCode } from '../failure.ts';

/** A server span, rate/errors/duration, one access line, and the headers that lead from the answer to its trace. */
export function observed(telemetry: Telemetry): Layer {
  const red = telemetry.metrics.red({ kind: 'server' });
  const spans = new Map<Operation, SpanOptions>();

  /** The same for every call of an operation, so made once. */
  function spanOf(operation: Operation): SpanOptions {
    const known = spans.get(operation);
    if (known !== undefined) return known;
    const attributes = {
      'http.request.method': operation.method,
      'http.route': operation.path,
      'rpc.service': operation.contract,
      'rpc.method': operation.name,
    };
    const span = constantSpan({ name: `${operation.method} ${operation.path}`, kind: 'server', attributes });
    spans.set(operation, span);
    return span;
  }

  return (call, next) => {
    const { operation, request } = call;
    const startMs = call.ctx.clock.monotonic();
    return telemetry.tracer.span(call.ctx, spanOf(operation), async (ctx, span) => {
      call.ctx = ctx;
      const answer = await next(call);
      if (request.method !== operation.method) span.set('http.request.method', request.method);
      const durationMs = ctx.clock.monotonic() - startMs;
      const outcome = answer.code === undefined ? 'ok' : knownCode(answer.code, operation);
      span.set('http.response.status_code', answer.status);
      if (answer.code !== undefined) span.set('error.type', answer.code);
      if (answer.status >= 500) span.fail(answer.code ?? String(answer.status));
      red.observe({ labels: { operation: operation.name }, outcome, durationMs });
      telemetry.log.info(ctx, `${request.method} ${operation.path} ${answer.status}`, {
        operation: operation.name,
        method: request.method,
        status: answer.status,
        code: answer.code,
        durationMs: Math.round(durationMs * 10) / 10,
        caller: ctx.caller.service,
        subject: ctx.caller.subject,
      });
      answer.headers[HEADERS.traceparent] = formatTraceparent(ctx.trace);
      answer.headers[HEADERS.requestId] = ctx.requestId;
      return answer;
    });
  };
}
