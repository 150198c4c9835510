import {
  contextToHeaders,
  errorFromProblem,
  FairleadError,
  stepKey,
  type Context,
  type Transport,
} from '@fairlead/core';
import { decodeOutput, encodeCall, type Contract, type Operation } from '@fairlead/contract';
import type { Red, Telemetry } from '@fairlead/telemetry';
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
}

/** Time for a call whose Context has no deadline, in milliseconds: nothing waits for ever. */
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
        const call = (ctx: Context, input: Record<string, unknown>, callOptions: CallOptions = {}) => {
          const ordinal = ordinals.get(target) ?? 0;
          ordinals.set(target, ordinal + 1);
          const key = stepKey(ctx, `${options.service}.${work}/${target}`, callOptions.step ?? ordinal);
          return send(options, red, contract.name, operation, ctx, input, key);
        };
        return [name, call] as const;
      });
      return Object.fromEntries(calls);
    }
  };
}

async function send(
  options: ClientOptions,
  red: Red<'peer' | 'operation'>,
  service: string,
  operation: Operation,
  outer: Context,
  input: Record<string, unknown>,
  downstreamKey: string | undefined,
): Promise<unknown> {
  const { path, body } = encodeCall(operation, input);
  using timed = outer.deadline === undefined ? outer.withTimeout(DEFAULT_CALL_TIMEOUT_MS) : outer.withCancel();
  const startMs = timed.clock.monotonic();
  let outcome = 'ok';
  try {
    const attributes = { 'rpc.system': 'http', 'rpc.service': service, 'rpc.method': operation.name };
    return await options.telemetry.tracer.span(
      timed,
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
        throw failureOf(operation, answer.status, answer.body);
      },
    );
  } catch (error) {
    outcome = error instanceof FairleadError ? knownCode(error.code, operation) : 'INTERNAL';
    throw error instanceof FairleadError && error !== timed.signal.reason ? markDownstream(error) : error;
  } finally {
    red.observe({
      labels: { peer: service, operation: operation.name },
      outcome,
      durationMs: timed.clock.monotonic() - startMs,
    });
  }
}

/** The callee's failure: with its declared kind if the operation declares the code, else as its status says. */
function failureOf(operation: Operation, status: number, body: string): FairleadError {
  const error = errorFromProblem(parsed(body), status);
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

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
