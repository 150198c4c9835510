import { parseTraceparent, type Context, type TraceContext } from '@fairlead/core';

/** What of the enqueuer's Context was kept. */
interface KeptOrigin {
  readonly traceparent?: string;
  readonly requestId?: string;
  readonly criticality?: Context['criticality'];
  readonly correlationId?: string;
  readonly baggage?: Readonly<Record<string, string>>;
}

/** The same, for a Context that goes on from it. */
export interface JobOrigin extends KeptOrigin {
  readonly trace: TraceContext | undefined;
}

/** Reads where jobs come from; of those that were enqueued together it is read once. */
export class Origins {
  #text: string | undefined;
  #origin: JobOrigin | undefined;

  read(text: string): JobOrigin {
    if (text === this.#text && this.#origin !== undefined) return this.#origin;
    // Written by enqueue.
    const kept = JSON.parse(text) as KeptOrigin;
    this.#text = text;
    this.#origin = { ...kept, trace: parseTraceparent(kept.traceparent) };
    return this.#origin;
  }
}
