import {
  contextToHeaders,
  errorFromProblem,
  FairleadError,
  stepKey,
  type Context,
  type Transport,
  type TransportResponse,
} from '@fairlead/core';
import { decodeOutput, encodeCall, type Contract, type Operation, type WireCall } from '@fairlead/contract';
import { parsePushbackMs, parseRetryAfterMs, PUSHBACK_HEADER } from '@fairlead/policy';
import type { Red, Telemetry } from '@fairlead/telemetry';
import { identityOf, isIdempotent, type CallPolicies } from './call-policies.ts';
import { fail } from './errors.ts';
import { knownCode, markDownstream } from './failure.ts';
import type { Calls, CallOptions, Client, Uses } from './kit.ts';

/** What clients need of the service that they belong to. */
export interface ClientOptions {
  /** Name of the calling service. */
  readonly service: string;
  readonly uses: Uses;
  readonly transport: Transport;
  readonly telemetry: Telemetry;
  /** What every call runs under. */
  readonly policies: CallPolicies;
}

/** Time for a call that nobody has given any, neither its Context nor its policy, in milliseconds: nothing waits for ever. */
export const DEFAULT_CALL_TIMEOUT_MS = 10_000;

/**
 * Clients for the handlers of a service. Each handler run gets its own `calls`, because the ordinal of a call, which its
 * idempotency key is derived from, counts within the run.
 */
export function clients(options: ClientOptions): (work: string) => Calls<Uses> {
  const red = options.telemetry.metrics.red({ kind: 'client' });
  return (work) => {
    const ordinals = new Map<string, number>();
    const built = Object.entries(options.uses).map(([alias, contract]) => [alias, client(alias, contract)] as const);
    return Object.fromEntries(built);

    function client(alias: string, contract: Contract): Client<Contract> {
      const calls = Object.entries(contract.operations).map(([name, operation]) => {
        const target = `${alias}.${name}`;
        const callee: Callee = { options, red, service: contract.name, operation };
        const call = (ctx: Context, input: Record<string, unknown>, callOptions: CallOptions = {}) => {
          const ordinal = ordinals.get(target) ?? 0;
          ordinals.set(target, ordinal + 1);
          const key = stepKey(ctx, `${options.service}.${work}/${target}`, callOptions.step ?? ordinal);
          return send(callee, ctx, input, key);
        };
        return [name, call] as const;
      });
      return Object.fromEntries(calls);
    }
  };
}

/** Everything that the calls of an operation share. */
interface Callee {
  readonly options: ClientOptions;
  readonly red: Red<'peer' | 'operation'>;
  readonly service: string;
  readonly operation: Operation;
}

/** One call under its policy: every attempt is a request, with a span of its own and the same idempotency key. */
async function send(
  callee: Callee,
  outer: Context,
  input: Record<string, unknown>,
  downstreamKey: string | undefined,
): Promise<unknown> {
  const { options, service, operation } = callee;
  const wire = encodeCall(operation, input);
  const idempotent = isIdempotent(operation);
  using timed = outer.deadline === undefined ? outer.withTimeout(DEFAULT_CALL_TIMEOUT_MS) : outer.withCancel();
  const startMs = timed.clock.monotonic();
  let outcome = 'ok';
  try {
    return await options.policies
      .of(operation)
      .run(timed, (ctx, attempt) => request(callee, ctx, { ...wire, downstreamKey, attempt }), {
        idempotent,
        // A key that the callee does not know means nothing to it.
        key: idempotent
          ? identityOf(timed, operation, wire.path)
          : operation.idempotencyKey === undefined
            ? undefined
            : downstreamKey,
      });
  } catch (error) {
    outcome = error instanceof FairleadError ? knownCode(error.code, operation) : 'INTERNAL';
    throw error instanceof FairleadError && error !== timed.signal.reason ? markDownstream(error) : error;
  } finally {
    callee.red.observe({
      labels: { peer: service, operation: operation.name },
      outcome,
      durationMs: timed.clock.monotonic() - startMs,
    });
  }
}

/** What goes over the wire, how often it has gone, and under which key. */
interface Attempt extends WireCall {
  readonly downstreamKey: string | undefined;
  /** The first is 1. */
  readonly attempt: number;
}

async function request(
  { options, service, operation }: Callee,
  outer: Context,
  { path, body, downstreamKey, attempt }: Attempt,
): Promise<unknown> {
  const attributes: Record<string, string | number> = {
    'rpc.system': 'http',
    'rpc.service': service,
    'rpc.method': operation.name,
  };
  if (attempt > 1) attributes['http.request.resend_count'] = attempt - 1;
  return options.telemetry.tracer.span(
    outer,
    { name: `${service}.${operation.name}`, kind: 'client', attributes },
    async (ctx, span) => {
      ctx.throwIfAborted();
      const calling = ctx.derive({ caller: { ...ctx.caller, service: options.service } });
      const headers: Record<string, string> = {
        accept: 'application/json',
        ...contextToHeaders(calling, { downstreamKey }),
      };
      if (body !== undefined) headers['content-type'] = 'application/json';
      const { method } = operation;
      const answer = await options.transport.send(ctx, {
        service,
        operation: operation.name,
        method,
        path,
        headers,
        body,
      });
      span.set('http.response.status_code', answer.status);
      if (answer.status >= 200 && answer.status < 300) return decodeOutput(operation, answer.body);
      throw failureOf(operation, answer, ctx.clock.now());
    },
  );
}

/**
 * The callee's failure: with its declared kind if the operation declares the code, else as its status says. What its
 * headers say about a repeat counts where its problem document says nothing.
 */
function failureOf(operation: Operation, { status, headers, body }: TransportResponse, wallMs: number): FairleadError {
  const error = withRepeatHeaders(errorFromProblem(parsed(body), status), headers, wallMs);
  if (!Object.hasOwn(operation.errors, error.code)) {
    // An internal failure of the callee is not one of ours.
    return error.kind === 'internal'
      ? fail('BAD_GATEWAY', `${operation.contract}.${operation.name} failed.`, { cause: error })
      : error;
  }
  const kind = operation.errors[error.code] ?? error.kind;
  const { code, message, details, retryAfterMs } = error;
  return new FairleadError(kind, code, message, { details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}

function withRepeatHeaders(error: FairleadError, headers: TransportResponse['headers'], wallMs: number): FairleadError {
  const pushback = headers[PUSHBACK_HEADER];
  const after = headers['retry-after'];
  const retryAfterMs = error.retryAfterMs ?? (after === undefined ? undefined : parseRetryAfterMs(after, wallMs));
  if (pushback === undefined && retryAfterMs === error.retryAfterMs) return error;
  return new FairleadError(error.kind, error.code, error.message, {
    details: { ...error.details, ...(pushback === undefined ? {} : { pushbackMs: parsePushbackMs(pushback) }) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
