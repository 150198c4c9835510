import { decode, encode, formatBaggage, parseBaggage } from './baggage.ts';
import type { Clock } from './clock.ts';
import type { Caller, Context, Criticality, ScopedContext } from './context.ts';
import { createContext } from './create-context.ts';
import type { Random } from './random.ts';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

/** The headers that a Context travels in. */
export const HEADERS = {
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  baggage: 'baggage',
  requestId: 'x-request-id',
  idempotencyKey: 'idempotency-key',
  timeoutMs: 'x-fairlead-timeout-ms',
  tenant: 'x-fairlead-tenant',
  subject: 'x-fairlead-subject',
  roles: 'x-fairlead-roles',
  caller: 'x-fairlead-caller',
  criticality: 'x-fairlead-criticality',
  correlationId: 'x-fairlead-correlation-id',
} as const;

/** Headers as Node gives them: lower-case names, a list where one came several times. */
export type IncomingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** How a Context is written into a call. */
export interface ContextToHeadersOptions {
  /**
   * The idempotency key of the call, derived with `stepKey`. The Context's own key is never sent. Default: none.
   */
  readonly downstreamKey?: string | undefined;
}

/** How a Context is read from a request. */
export interface ContextFromHeadersOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the caller goes away. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the sender is part of the platform. False ignores what it says about tenant, subject, roles, caller,
   * criticality and correlation, and whether its trace is recorded.
   */
  readonly trusted: boolean;
  /** Milliseconds for a request that states no time. Default: no deadline. 0 means it has passed. */
  readonly defaultTimeoutMs?: number | undefined;
  /**
   * The most that a request may ask for, in milliseconds. Default: no bound for a trusted sender, `defaultTimeoutMs`
   * for any other.
   */
  readonly maxTimeoutMs?: number | undefined;
}

const NO_HEADERS: IncomingHeaders = {};
const NO_ROLES: readonly string[] = Object.freeze([]);
/** Lists of roles that were read before; those of a platform are few. */
const knownRoles = new Map<string, readonly string[]>();
const MOST_KNOWN_ROLES = 1000;
const REQUEST_ID = /^[A-Za-z0-9._~:+/=@-]{1,128}$/;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const IDENTITY_MAX_LENGTH = 1024;
const GRPC_UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const CRITICALITIES: readonly Criticality[] = ['critical', 'default', 'sheddable'];

/**
 * The headers that carry `ctx` to whom it calls. The time sent is what is left now, so it shrinks at every hop.
 * Identity values are percent-encoded. `ctx.caller.service` is sent as it is: a client derives a Context with the name
 * of its own service first.
 */
export function contextToHeaders(ctx: Context, options: ContextToHeadersOptions = {}): Record<string, string> {
  const headers: Record<string, string> = {
    [HEADERS.traceparent]: formatTraceparent(ctx.trace),
    [HEADERS.requestId]: ctx.requestId,
  };
  const put = (name: string, value: string | undefined) => {
    if (value !== undefined) headers[name] = value;
  };
  const remainingMs = ctx.remainingMs();
  put(HEADERS.tracestate, ctx.trace.state);
  put(HEADERS.baggage, formatBaggage(ctx.baggage));
  put(HEADERS.idempotencyKey, options.downstreamKey);
  put(HEADERS.timeoutMs, remainingMs === Infinity ? undefined : String(Math.floor(remainingMs)));
  put(HEADERS.tenant, ctx.tenant === undefined ? undefined : encode(ctx.tenant));
  put(HEADERS.subject, ctx.caller.subject === undefined ? undefined : encode(ctx.caller.subject));
  put(HEADERS.roles, ctx.caller.roles.length === 0 ? undefined : ctx.caller.roles.map(encode).join(','));
  put(HEADERS.caller, ctx.caller.service === undefined ? undefined : encode(ctx.caller.service));
  put(HEADERS.criticality, ctx.criticality === 'default' ? undefined : ctx.criticality);
  put(HEADERS.correlationId, ctx.correlationId === ctx.requestId ? undefined : encode(ctx.correlationId));
  return headers;
}

/**
 * The Context of a request. Never throws because of what a header says: a value that is malformed, too long or given
 * twice counts as not given. A malformed `traceparent` starts a new trace. `grpc-timeout` and
 * `x-envoy-expected-rq-timeout-ms` are understood too; of several times the shortest counts. Roles are all or none.
 *
 * A malformed idempotency key is ignored here like any other; whoever relies on keys compares with
 * `parseIdempotencyKey` and refuses the request.
 *
 * @throws MISCONFIGURED when `defaultTimeoutMs` or `maxTimeoutMs` is negative or not a number
 */
export function contextFromHeaders(headers: IncomingHeaders, options: ContextFromHeadersOptions): ScopedContext {
  const named = parseTraceparent(single(headers, HEADERS.traceparent), list(headers, HEADERS.tracestate));
  // Strangers may continue a trace of theirs, not decide whether we record it.
  const trace = named === undefined || options.trusted ? named : { ...named, sampled: true, undecided: true };
  const trusted = options.trusted ? headers : NO_HEADERS;
  return createContext({
    clock: options.clock,
    random: options.random,
    signal: options.signal,
    trace,
    timeoutMs: timeoutOf(headers, options),
    requestId: matching(single(headers, HEADERS.requestId), REQUEST_ID),
    idempotencyKey: parseIdempotencyKey(headers[HEADERS.idempotencyKey]),
    baggage: parseBaggage(list(headers, HEADERS.baggage)),
    tenant: identity(trusted, HEADERS.tenant),
    caller: callerOf(trusted),
    criticality: criticalityOf(single(trusted, HEADERS.criticality)),
    correlationId: identity(trusted, HEADERS.correlationId),
  });
}

/** A usable idempotency key: 1 to 255 visible ASCII characters, given once. `undefined` for anything else. */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): string | undefined {
  return matching(typeof header === 'string' ? header : onlyOne(header), IDEMPOTENCY_KEY);
}

function criticalityOf(text: string | undefined): Criticality | undefined {
  return text === undefined ? undefined : CRITICALITIES.find((known) => known === text);
}

function timeoutOf(headers: IncomingHeaders, options: ContextFromHeadersOptions): number | undefined {
  const asked = Math.min(
    millisecondsOf(single(headers, HEADERS.timeoutMs)),
    millisecondsOf(single(headers, 'x-envoy-expected-rq-timeout-ms')),
    grpcMillisecondsOf(single(headers, 'grpc-timeout')),
  );
  const wanted = asked === Infinity ? (options.defaultTimeoutMs ?? Infinity) : asked;
  const most = options.maxTimeoutMs ?? (options.trusted ? Infinity : (options.defaultTimeoutMs ?? Infinity));
  return Math.min(wanted, most);
}

function millisecondsOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
}

function grpcMillisecondsOf(text: string | undefined): number {
  const match = text === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? Infinity : Number(match[1]) * (GRPC_UNIT_MS[match[2] ?? ''] ?? Infinity);
}

function callerOf(headers: IncomingHeaders): Caller {
  return Object.freeze({
    service: identity(headers, HEADERS.caller),
    subject: identity(headers, HEADERS.subject),
    roles: rolesOf(single(headers, HEADERS.roles)),
  });
}

function rolesOf(text: string | undefined): readonly string[] {
  if (text === undefined || text.length > IDENTITY_MAX_LENGTH) return NO_ROLES;
  const known = knownRoles.get(text);
  if (known !== undefined) return known;
  const roles = readRoles(text);
  if (knownRoles.size < MOST_KNOWN_ROLES) knownRoles.set(text, roles);
  return roles;
}

function readRoles(text: string): readonly string[] {
  const roles: string[] = [];
  for (const part of text.split(',')) {
    const role = decode(part);
    if (role === undefined || role === '') return NO_ROLES;
    roles.push(role);
  }
  return Object.freeze(roles);
}

function identity(headers: IncomingHeaders, name: string): string | undefined {
  const text = single(headers, name);
  if (text === undefined || text.length > IDENTITY_MAX_LENGTH || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  return decode(text);
}

function single(headers: IncomingHeaders, name: string): string | undefined {
  const value = headers[name];
  return (typeof value === 'string' ? value : onlyOne(value))?.trim();
}

function list(headers: IncomingHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(',');
}

function onlyOne(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined;
}

function matching(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
