import { formatTraceparent, HEADERS } from '@fairlead/core';
import type { Operation } from '@fairlead/contract';
import { constantSpan, type SpanOptions, type Telemetry } from '@fairlead/telemetry';
import { answers, type Answering } from '../answered.ts';
import type { Layer } from '../exchange.ts';
import { knownCode } from '../failure.ts';

/** A server span, rate/errors/duration, an access line, and the headers that lead from the answer to its trace. */
export function observed(telemetry: Telemetry): Layer {
  const tell = answers(telemetry);
  const known = new Map<Operation, { readonly span: SpanOptions; readonly answering: Answering }>();

  /** The same for every call of an operation, so made once. */
  function about(operation: Operation) {
    const ready = known.get(operation);
    if (ready !== undefined) return ready;
    const { method, path, contract, name } = operation;
    const attributes = {
      'http.request.method': method,
      'http.route': path,
      'rpc.service': contract,
      'rpc.method': name,
    };
    const span = constantSpan({ name: `${method} ${path}`, kind: 'server', attributes });
    const made = { span, answering: { operation: name, path, lines: telemetry.accessLines.of(name) } };
    known.set(operation, made);
    return made;
  }

  return (call, next) => {
    const { operation, request } = call;
    const { method } = request;
    const { span: spanOptions, answering } = about(operation);
    const beganMs = call.ctx.clock.monotonic();
    return telemetry.tracer.span(
      call.ctx,
      spanOptions,
      async (ctx, span) => {
        call.ctx = ctx;
        const answer = await next(call);
        const { status, code } = answer;
        const outcome = code === undefined ? 'ok' : knownCode(code, operation);
        if (method !== operation.method) span.set('http.request.method', method);
        tell(ctx, span, beganMs, answering, { method, status, code, outcome });
        answer.headers[HEADERS.traceparent] = formatTraceparent(ctx.trace);
        answer.headers[HEADERS.requestId] = ctx.requestId;
        return answer;
      },
      beganMs,
    );
  };
}
