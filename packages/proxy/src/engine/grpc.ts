import type { Fields } from '@fairlead/net';
import type { LocalAnswer } from './filter.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };
/** What eight digits of milliseconds can't say is no limit here. */
const MOST_MS = 99_999_999;

/** Whether a request is one of gRPC. */
export function isGrpc(fields: Fields): boolean {
  return /^application\/grpc(?:$|[+;])/.test(fields.get('content-type') ?? '');
}

/** The time that a gRPC request says it has (`grpc-timeout`), in milliseconds; `undefined` when it says none, or more than a day. */
export function grpcTimeoutMs(fields: Fields): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(fields.get('grpc-timeout') ?? '') ?? [];
  const ms = Number(digits) * (UNIT_MS[unit] ?? Infinity);
  return ms <= MOST_MS ? ms : undefined;
}

/** Time that is left, as `grpc-timeout` says it. */
export function grpcTimeout(leftMs: number): string {
  return `${Math.ceil(leftMs)}m`;
}

const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
/** Of statuses of HTTP: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const BY_STATUS: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);

/**
 * An answer of the proxy's own to a gRPC request: nothing but a head, with gRPC's status and message. That a time is over
 * is DEADLINE_EXCEEDED: UNAVAILABLE, which the mapping has for 504, would have clients send it again, and it may have been done.
 */
export function grpcAnswer({ status, cause, detail, fields = {}, ...rest }: LocalAnswer): LocalAnswer {
  const isLate = status === 504 && (cause === 'UPSTREAM_TIMEOUT' || cause === 'UPSTREAM_SILENT');
  return {
    ...rest,
    status: 200,
    cause,
    detail,
    fields: {
      ...fields,
      'content-type': 'application/grpc',
      'grpc-status': String(isLate ? DEADLINE_EXCEEDED : (BY_STATUS.get(status) ?? UNKNOWN)),
      'grpc-message': messageOf(`${cause}: ${detail}`),
    },
    body: '',
  };
}

/** Percent-encoded, as gRPC's messages are: what is not visible ASCII, and the sign itself. */
function messageOf(text: string): string {
  return Array.from(Buffer.from(text), (octet) =>
    octet >= 0x20 && octet <= 0x7e && octet !== 0x25
      ? String.fromCharCode(octet)
      : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
