import type { Context } from '@fairlead/core';
import { isMistakeOfCaller, RecordedSpan, type SpanSetting } from './recorded-span.ts';
import type { Attributes, AttributeValue, Span, SpanOptions } from './span.ts';

/**
 * Says that the rest of a span's trace is not there. A trace that is recorded does not have it.
 */
const SAMPLED_ATTRIBUTE = 'fairlead.sampled';

/** The span of a request or an event whose trace is not recorded: nothing, unless it fails. */
export class UnsampledSpan implements Span {
  readonly #setting: SpanSetting;
  readonly #parent: Context;
  readonly #inner: Context;
  readonly #options: SpanOptions;
  readonly #startedMs: number;
  #hasEnded = false;
  #failed: RecordedSpan | undefined;

  constructor(setting: SpanSetting, parent: Context, inner: Context, options: SpanOptions, startedMs: number) {
    this.#setting = setting;
    this.#parent = parent;
    this.#inner = inner;
    this.#options = options;
    this.#startedMs = startedMs;
  }

  set(name: string, value: AttributeValue | undefined): void {
    this.#failed?.set(name, value);
  }

  event(name: string, attributes?: Attributes): void {
    this.#failed?.event(name, attributes);
  }

  fail(errorType: string, message?: string): void {
    if (!this.#hasEnded) this.#record().fail(errorType, message);
  }

  end(atMs: number): void {
    this.#hasEnded = true;
    this.#failed?.end(atMs);
  }

  /** Notes that the work has failed with `error`. */
  threw(error: unknown): void {
    if (!this.#hasEnded && !isMistakeOfCaller(error)) this.#record().threw(error);
  }

  /** Ends it. What is to be recorded, if it has failed. */
  settle(): RecordedSpan | undefined {
    this.#hasEnded = true;
    return this.#failed?.settle();
  }

  #record(): RecordedSpan {
    if (this.#failed === undefined) {
      this.#failed = new RecordedSpan(this.#setting, this.#parent, this.#inner, this.#options, this.#startedMs);
      this.#failed.set(SAMPLED_ATTRIBUTE, false);
    }
    return this.#failed;
  }
}
