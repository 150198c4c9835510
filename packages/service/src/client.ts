import {
  contextToHeaders,
  errorFromProblem,
  FairleadError,
  stepKey,
  type Context,
  type ErrorKind,
  type Transport,
  type TransportResponse,
} from '@fairlead/core';
import { decodeOutput, encodeCall, type Contract, type Operation, type WireCall } from '@fairlead/contract';
import {
  parsePushbackMs,
  parseRetryAfterMs,
  PUSHBACK_HEADER,
  type CallFacts,
  type Deferral,
  type Policy,
} from '@fairlead/policy';
import { constantSpan, type Red, type Span, type SpanOptions, type Telemetry } from '@fairlead/telemetry';
import { identityOf, isIdempotent, type CallPolicies } from './call-policies.ts';
import { fail } from './errors.ts';
import { knownCode, markDownstream } from './failure.ts';
import type { DeferredCall } from './deferred-calls.ts';
import type { CallOptions, Calls, Client, ClientCall, Uses } from './kit.ts';

/** What clients need of the service that they belong to. */
export interface ClientOptions {
  /** Name of the calling service. */
  readonly service: string;
  readonly uses: Uses;
  readonly transport: Transport;
  readonly telemetry: Telemetry;
  /** What every call runs under. */
  readonly policies: CallPolicies;
  /** Whether calls can be made later. Default false. */
  readonly defers?: boolean;
}

/** Time for a call whose Context has no deadline, in milliseconds: nothing waits for ever. */
export const DEFAULT_CALL_TIMEOUT_MS = 10_000;
const NO_FACTS: CallFacts = Object.freeze({});

/** What every call of one operation has in common. */
interface Target {
  readonly operation: Operation;
  /** The callee. */
  readonly service: string;
  /** As the caller's code has it, such as `billing.charge`. */
  readonly name: string;
  readonly policy: Policy;
  /** Whether its contract says that doing it twice is doing it once. */
  readonly idempotent: boolean;
  readonly span: SpanOptions;
  readonly labels: { readonly peer: string; readonly operation: string };
}

/**
 * Clients for the handlers of a service. Each handler run gets its own `calls`, because the ordinal of a call, which its
 * idempotency key is derived from, counts within the run.
 */
export function clients(options: ClientOptions): (work: string) => Calls<Uses> {
  const sender = new Sender(options);
  const targets = new Map(
    Object.entries(options.uses).map(
      ([alias, contract]) => [alias, Object.entries(targetsOf(alias, contract, options.policies))] as const,
    ),
  );

  /** The calls of one run; a client is made when the run first asks for it. */
  class RunCalls {
    readonly #work: string;
    readonly #ordinals = new Map<Target, number>();
    readonly #clients = new Map<string, Client<Contract>>();

    constructor(work: string) {
      this.#work = work;
    }

    of(alias: string): Client<Contract> {
      const known = this.#clients.get(alias);
      if (known !== undefined) return known;
      const calls = (targets.get(alias) ?? []).map(([name, target]) => [name, this.#call(target)] as const);
      const made = Object.fromEntries(calls);
      this.#clients.set(alias, made);
      return made;
    }

    #call(target: Target): ClientCall<Contract, string> {
      return (ctx, input, callOptions = {}) => {
        const ordinal = this.#ordinals.get(target) ?? 0;
        this.#ordinals.set(target, ordinal + 1);
        const key = stepKey(ctx, `${options.service}.${this.#work}/${target.name}`, callOptions.step ?? ordinal);
        return sender.send(target, ctx, input, key, callOptions.defer);
      };
    }
  }

  return (work) => {
    const run = new RunCalls(work);
    const calls = {};
    for (const alias of targets.keys()) {
      Object.defineProperty(calls, alias, { enumerable: true, get: () => run.of(alias) });
    }
    return calls;
  };
}

/** Makes calls that were deferred; by their services' names, since an alias may have changed since. */
export function deferredSender(options: ClientOptions): (ctx: Context, call: DeferredCall) => Promise<void> {
  const sender = new Sender(options);
  const targets = new Map(
    Object.entries(options.uses).flatMap(([alias, contract]) =>
      Object.values(targetsOf(alias, contract, options.policies)).map((target) => [
        `${target.service}.${target.operation.name}`,
        target,
      ]),
    ),
  );
  return (outer, call) => {
    const name = `${call.service}.${call.operation}`;
    const target = targets.get(name);
    if (target === undefined)
      throw fail('INTERNAL', `${options.service} does not use ${name} any more; the call can't be made.`);
    const caller = { service: undefined, subject: call.subject, roles: call.roles };
    return sender.sendDeferred(target, outer.derive({ caller }), call);
  };
}

function targetsOf(alias: string, contract: Contract, policies: CallPolicies): Record<string, Target> {
  const targets = Object.entries(contract.operations).map(([name, operation]): [string, Target] => {
    const attributes = { 'rpc.system': 'http', 'rpc.service': contract.name, 'rpc.method': operation.name };
    const span = constantSpan({ name: `${contract.name}.${operation.name}`, kind: 'client', attributes });
    const labels = { peer: contract.name, operation: operation.name };
    const policy = policies.of(operation);
    const idempotent = isIdempotent(operation);
    return [name, { operation, service: contract.name, name: `${alias}.${name}`, policy, idempotent, span, labels }];
  });
  return Object.fromEntries(targets);
}

/** Makes the calls of a service. */
class Sender {
  readonly #options: ClientOptions;
  readonly #red: Red<'peer' | 'operation'>;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#red = options.telemetry.metrics.red({ kind: 'client' });
  }

  async send(
    target: Target,
    outer: Context,
    input: Readonly<Record<string, unknown>>,
    downstreamKey: string | undefined,
    answer: CallOptions['defer'],
  ): Promise<unknown> {
    const { operation } = target;
    const call = encodeCall(operation, input);
    const defer = answer && this.#deferral(target, outer, call, downstreamKey, answer);
    using timed = outer.deadline === undefined ? outer.withTimeout(DEFAULT_CALL_TIMEOUT_MS) : undefined;
    const ctx = timed ?? outer;
    const startMs = ctx.clock.monotonic();
    let outcome = 'ok';
    try {
      return await target.policy.run(
        ctx,
        (attemptCtx, attempt) => this.#attempt(target, attemptCtx, attempt, call, downstreamKey),
        factsOf(target, ctx, call.path, downstreamKey, defer),
      );
    } catch (error) {
      outcome = error instanceof FairleadError ? knownCode(error.code, operation) : 'INTERNAL';
      throw error instanceof FairleadError && !isEndOf(ctx, error) ? markDownstream(error) : error;
    } finally {
      this.#red.observe({ labels: target.labels, outcome, durationMs: ctx.clock.monotonic() - startMs });
    }
  }

  /**
   * Makes a call that was deferred. What stands in for calls doesn't here: it has to be made.
   * @throws what the call fails with; with `details.retry` false when another attempt would be answered the same
   */
  async sendDeferred(target: Target, ctx: Context, { wire, key }: DeferredCall): Promise<void> {
    const decision = await target.policy.attempt(
      ctx,
      (attemptCtx, attempt) => this.#attempt(target, attemptCtx, attempt, wire, key),
      factsOf(target, ctx, wire.path, key, undefined),
    );
    if (decision.kind === 'failed') throw asAnswered(decision.error);
    if (decision.kind === 'ok' && MADE.has(decision.from)) return;
    const why = decision.kind === 'rejected' ? decision.rejection.cause : decision.from;
    const retryAfterMs = decision.kind === 'rejected' ? decision.rejection.retryAfterMs : undefined;
    throw fail('UNAVAILABLE', `${target.name} was not called: ${why}.`, { details: { processed: 'no', retryAfterMs } });
  }

  #deferral(
    target: Target,
    ctx: Context,
    wire: WireCall,
    key: string | undefined,
    answer: NonNullable<CallOptions['defer']>,
  ): Deferral<unknown> {
    if (this.#options.defers !== true)
      throw fail(
        'MISCONFIGURED',
        `${target.name} is to be deferred, and ${this.#options.service} can't. Add deferredCalls: {} to its definition.`,
      );
    const { subject, roles } = ctx.caller;
    const job: DeferredCall = { service: target.service, operation: target.operation.name, wire, key, subject, roles };
    return { job, answer };
  }

  /** One request of the call, with a span of its own. */
  #attempt(
    target: Target,
    outer: Context,
    attempt: number,
    call: WireCall,
    downstreamKey: string | undefined,
  ): Promise<unknown> {
    return this.#options.telemetry.tracer.span(outer, target.span, (ctx, span) => {
      if (attempt > 1) span.set('http.request.resend_count', attempt - 1);
      return this.#exchange(target, ctx, span, call, downstreamKey);
    });
  }

  async #exchange(
    { operation, service }: Target,
    ctx: Context,
    span: Span,
    call: WireCall,
    downstreamKey: string | undefined,
  ): Promise<unknown> {
    ctx.throwIfAborted();
    const { path, body } = call;
    const calling = ctx.derive({ caller: { ...ctx.caller, service: this.#options.service } });
    const headers = contextToHeaders(calling, { downstreamKey });
    headers['accept'] = 'application/json';
    if (body !== undefined) headers['content-type'] = 'application/json';
    const { name, method } = operation;
    const request = { service, operation: name, method, path, headers, body, call };
    const answer = await this.#options.transport.send(ctx, request);
    span.set('http.response.status_code', answer.status);
    if (answer.status >= 200 && answer.status < 300) return decodeOutput(operation, answer.body);
    throw failureOf(operation, answer, ctx.clock.now());
  }
}

/** What a policy is told of a call. A key that the callee does not know of means nothing to it. */
function factsOf(
  { operation, idempotent }: Target,
  ctx: Context,
  path: string,
  downstreamKey: string | undefined,
  defer: Deferral<unknown> | undefined,
): CallFacts {
  if (idempotent) return { idempotent, key: identityOf(ctx, operation, path), defer };
  if (operation.idempotencyKey !== undefined) return { key: downstreamKey, defer };
  return defer === undefined ? NO_FACTS : { defer };
}

/** Where an answer comes from when the call has been made, by us or by another caller. */
const MADE: ReadonlySet<string> = new Set(['call', 'cache', 'shared']);
/** What another attempt would be answered the same. */
const ANSWERED: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'invalid',
  'unauthenticated',
  'forbidden',
  'not-found',
  'unprocessable',
  'too-large',
  'unimplemented',
]);

function asAnswered(error: unknown): unknown {
  if (!(error instanceof FairleadError) || !ANSWERED.has(error.kind)) return error;
  return new FairleadError(error.kind, error.code, error.message, {
    cause: error,
    details: { ...error.details, retry: false },
  });
}

/** Whether an error is the end of the caller's own time or patience. */
function isEndOf(ctx: Context, error: FairleadError): boolean {
  return ctx.signal.aborted && error === ctx.signal.reason;
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
