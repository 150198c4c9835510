import type { TraceContext } from './trace-context.ts';

/** Version, trace id, span id and flags, neither id all zero; later versions may go on after another dash. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;
const LENGTH_00 = 55;
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
  const text = header.trim();
  if (!TRACEPARENT.test(text) || (text.length > LENGTH_00 && text.startsWith('00'))) return undefined;
  return {
    traceId: text.slice(3, 35),
    spanId: text.slice(36, 52),
    sampled: (Number.parseInt(text.slice(53, 55), 16) & 1) === 1,
    state: parseState(state),
  };
}

function parseState(state: string | undefined): string | undefined {
  const text = state?.trim();
  if (!text || text.length > MAX_STATE_LENGTH || !/^[\x20-\x7e\t]*$/.test(text)) return undefined;
  const members = text.split(',').filter((member) => member.trim() !== '');
  if (members.length > MAX_STATE_MEMBERS || members.some((member) => !member.includes('='))) return undefined;
  return text;
}
