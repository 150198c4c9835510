import type { TraceContext } from './trace-context.ts';

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MAX_STATE_LENGTH = 512;
const MAX_STATE_MEMBERS = 32;

/** The `traceparent` header (W3C Trace Context, version 00). */
export function formatTraceparent(trace: Pick<TraceContext, 'traceId' | 'spanId' | 'sampled'>): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`;
}

/**
 * Reads `traceparent` and `tracestate`; `undefined` when the first is missing or malformed (then the second counts for
 * nothing). Versions after 00 are read as far as 00 defines them, as the specification asks. A `tracestate` that is too
 * long, has too many members or holds other than printable ASCII is left out.
 */
export function parseTraceparent(header: string | undefined, state?: string): TraceContext | undefined {
  if (header === undefined || header.length > MAX_STATE_LENGTH) return undefined;
  const match = TRACEPARENT.exec(header.trim());
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state: parseState(state) };
}

function parseState(state: string | undefined): string | undefined {
  const text = state?.trim();
  if (!text || text.length > MAX_STATE_LENGTH || !/^[\x20-\x7e\t]*$/.test(text)) return undefined;
  const members = text.split(',').filter((member) => member.trim() !== '');
  if (members.length > MAX_STATE_MEMBERS || members.some((member) => !member.includes('='))) return undefined;
  return text;
}
