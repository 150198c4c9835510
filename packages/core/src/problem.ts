import { FairleadError, type ErrorKind } from './errors.ts';

/** A problem document, as RFC 9457 defines it, with our members. */
export interface Problem {
  /** `urn:fairlead:problem:<code in kebab-case>`. */
  readonly type: string;
  /** The code in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** Stable; what callers match. */
  readonly code: string;
  /** What happened, for people. */
  readonly detail?: string;
  /** What it happened to, usually the request's path. */
  readonly instance?: string;
  /** Where to look it up. */
  readonly traceId?: string;
  /** When a repeat may succeed, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** The error's details. */
  readonly [member: string]: unknown;
}

/** What a problem document says besides its error. */
export interface ToProblemOptions {
  readonly instance?: string | undefined;
  readonly traceId?: string | undefined;
}

/** The media type of problem documents. */
export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  unprocessable: 422,
  exhausted: 429,
  cancelled: 499,
  internal: 500,
  unimplemented: 501,
  'bad-gateway': 502,
  unavailable: 503,
  deadline: 504,
} as const satisfies Record<ErrorKind, number>;

const OWN_MEMBERS = new Set(['type', 'title', 'status', 'code', 'detail', 'instance', 'traceId', 'retryAfterMs']);
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const URN = /^urn:fairlead:problem:([a-z][a-z0-9-]*)$/;
const MAX_DETAIL_LENGTH = 2000;

/** The HTTP status of a kind of failure. */
export function statusOf(kind: ErrorKind): number {
  return STATUS[kind];
}

/**
 * The kind of failure that a status of 400 or more means to somebody who doesn't know its code. Any other status,
 * where an error was expected, is `bad-gateway`.
 */
export function kindOfStatus(status: number): ErrorKind {
  // The keys of STATUS are the kinds: it satisfies Record<ErrorKind, number>.
  const kinds = Object.keys(STATUS) as ErrorKind[];
  const exact = kinds.find((kind) => STATUS[kind] === status);
  if (exact !== undefined) return exact;
  if (status === 408) return 'deadline';
  if (status === 410) return 'not-found';
  if (status >= 400 && status < 500) return 'invalid';
  return status >= 500 && status < 600 ? 'internal' : 'bad-gateway';
}

/**
 * The problem document of a failure, fit for any caller. An internal failure keeps its code but tells neither its
 * message nor its details; what is not a `FairleadError` at all is `INTERNAL`. Causes and stacks are never told.
 * A detail whose name is a member of problem documents is left out.
 */
export function toProblem(error: unknown, options: ToProblemOptions = {}): Problem {
  const failure = error instanceof FairleadError ? error : undefined;
  const code = failure?.code ?? 'INTERNAL';
  const kind = failure?.kind ?? 'internal';
  const isPublic = failure !== undefined && kind !== 'internal';
  const details = isPublic ? Object.entries(failure.details).filter(([name]) => !OWN_MEMBERS.has(name)) : [];
  return {
    type: `urn:fairlead:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: titleOf(code),
    status: STATUS[kind],
    code,
    detail: isPublic ? failure.message : 'Something went wrong on our side; the trace has the details.',
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    ...(options.traceId === undefined ? {} : { traceId: options.traceId }),
    ...(failure?.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    ...Object.fromEntries(details),
  };
}

/**
 * The failure that an answer with this status tells of. `problem` is the parsed body, whatever it is: of a problem
 * document code, detail and members are kept, without one the code follows from the status (`NOT_FOUND`,
 * `UNAVAILABLE`, …). The kind always follows from the status.
 */
export function errorFromProblem(problem: unknown, status: number): FairleadError {
  const kind = kindOfStatus(status);
  const members = isRecord(problem) ? problem : {};
  const code = codeOf(members) ?? defaultCode(kind);
  const detail = typeof members['detail'] === 'string' ? members['detail'].slice(0, MAX_DETAIL_LENGTH) : undefined;
  const retryAfterMs = members['retryAfterMs'];
  return new FairleadError(kind, code, detail ?? `The answer was ${status} ${titleOf(code)}.`, {
    details: Object.fromEntries(Object.entries(members).filter(([name]) => !OWN_MEMBERS.has(name))),
    ...(typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? { retryAfterMs } : {}),
  });
}

function codeOf(members: Readonly<Record<string, unknown>>): string | undefined {
  const { code, type } = members;
  if (typeof code === 'string') return CODE.test(code) ? code : undefined;
  const urn = typeof type === 'string' ? URN.exec(type)?.[1] : undefined;
  return urn?.toUpperCase().replaceAll('-', '_');
}

function defaultCode(kind: ErrorKind): string {
  return kind === 'deadline' ? 'DEADLINE_EXCEEDED' : kind.toUpperCase().replaceAll('-', '_');
}

function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
