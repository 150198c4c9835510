/**
 * A position in a trace, as W3C Trace Context defines it (https://www.w3.org/TR/trace-context/).
 */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero: the span that is current here. */
  readonly spanId: string;
  /** Whether the trace is recorded. Where `undecided`, what to assume until that is decided. */
  readonly sampled: boolean;
  /** Vendor data, forwarded untouched; at most 512 characters. */
  readonly state: string | undefined;
  /**
   * True as long as nothing here has opened a span and no caller sent one: `spanId` is then a placeholder that no span
   * has, and the first span has no parent. Default false.
   */
  readonly root?: boolean;
  /**
   * True as long as nobody whom we trust has decided whether the trace is recorded: the first span that is opened here
   * does. Default false.
   */
  readonly undecided?: boolean;
}
