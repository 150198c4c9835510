import { nanosOf, textOf, toOtlp, type OtlpSpan, type OtlpTraces, type RecordedSpan } from './otlp.ts';

/** How much is kept. */
export interface TraceStoreOptions {
  /** Traces at most; the one that began to arrive first is dropped for a new one. Default 2 000. */
  readonly maxTraces?: number;
  /** Bytes of all spans, as JSON, at most. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Spans of one trace at most; further ones are dropped. Default 5 000. */
  readonly maxSpansPerTrace?: number;
}

/** One line about a trace. */
export interface TraceSummary {
  readonly traceId: string;
  /** Name of the span that began it, as far as it has arrived. */
  readonly name: string;
  readonly service: string | undefined;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly spans: number;
  readonly errors: number;
}

/** What was kept and what had to go, since the start. */
export interface TraceStoreCounts {
  readonly traces: number;
  readonly bytes: number;
  readonly droppedTraces: number;
  readonly droppedSpans: number;
}

/** The last traces, in memory. */
export interface TraceStore {
  add(spans: readonly RecordedSpan[]): void;
  /** By trace id or by request id. */
  find(id: string): OtlpTraces | undefined;
  /** The newest first. */
  latest(limit: number): readonly TraceSummary[];
  counts(): TraceStoreCounts;
}

interface Kept {
  readonly traceId: string;
  readonly spans: Map<string, RecordedSpan>;
  readonly requestIds: Set<string>;
  bytes: number;
}

/** The attribute that a server span bears its request id in. */
export const REQUEST_ID_ATTRIBUTE = 'fairlead.request_id';

function summary(trace: Kept): TraceSummary {
  const spans = [...trace.spans.values()];
  const start = (span: OtlpSpan): bigint => nanosOf(span.startTimeUnixNano);
  let first = spans[0];
  let end = 0n;
  for (const entry of spans) {
    if (first === undefined || start(entry.span) < start(first.span)) first = entry;
    const ended = nanosOf(entry.span.endTimeUnixNano);
    if (ended > end) end = ended;
  }
  const from = first === undefined ? 0n : start(first.span);
  return {
    traceId: trace.traceId,
    name: first?.span.name ?? '',
    service: textOf(first?.resource?.attributes, 'service.name'),
    startMs: Number(from / 1_000_000n),
    durationMs: end > from ? Number(end - from) / 1e6 : 0,
    spans: spans.length,
    errors: spans.filter(({ span }) => span.status?.code === 2 || span.status?.code === 'STATUS_CODE_ERROR').length,
  };
}

/** Keeps the last traces within its bounds, dropping the oldest whole; a span that comes twice is kept once. */
export function createTraceStore(options: TraceStoreOptions = {}): TraceStore {
  const { maxTraces = 2_000, maxBytes = 64 * 1024 * 1024, maxSpansPerTrace = 5_000 } = options;
  // A Map keeps its order of insertion, so its first entry is the oldest trace.
  const traces = new Map<string, Kept>();
  const byRequestId = new Map<string, string>();
  let bytes = 0;
  let droppedTraces = 0;
  let droppedSpans = 0;

  function drop(trace: Kept): void {
    traces.delete(trace.traceId);
    bytes -= trace.bytes;
    droppedTraces += 1;
    for (const id of trace.requestIds) if (byRequestId.get(id) === trace.traceId) byRequestId.delete(id);
  }

  function keep(entry: RecordedSpan): void {
    const traceId = entry.span.traceId.toLowerCase();
    const trace = traces.get(traceId) ?? { traceId, spans: new Map(), requestIds: new Set<string>(), bytes: 0 };
    if (trace.spans.has(entry.span.spanId)) return;
    const size = JSON.stringify(entry.span).length;
    if (trace.spans.size >= maxSpansPerTrace || size > maxBytes) {
      droppedSpans += 1;
      return;
    }
    traces.set(traceId, trace);
    trace.spans.set(entry.span.spanId, entry);
    trace.bytes += size;
    bytes += size;
    const requestId = textOf(entry.span.attributes, REQUEST_ID_ATTRIBUTE);
    if (requestId !== undefined && requestId !== traceId) {
      trace.requestIds.add(requestId);
      byRequestId.set(requestId, traceId);
    }
  }

  return {
    add(spans) {
      for (const span of spans) keep(span);
      for (const trace of traces.values()) {
        if (traces.size <= maxTraces && bytes <= maxBytes) break;
        drop(trace);
      }
    },
    find(id) {
      const trace = traces.get(id.toLowerCase()) ?? traces.get(byRequestId.get(id) ?? '');
      return trace === undefined ? undefined : toOtlp([...trace.spans.values()]);
    },
    latest: (limit) =>
      [...traces.values()]
        .map(summary)
        .toSorted((a, b) => b.startMs - a.startMs)
        .slice(0, limit),
    counts: () => ({ traces: traces.size, bytes, droppedTraces, droppedSpans }),
  };
}
