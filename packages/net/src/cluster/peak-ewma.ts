/**
 * A moving average of latency that believes the bad at once and the good slowly: a longer time takes its place, a shorter
 * one draws it down as time passes; and without any news it sinks, so that whoever was slow is asked again. After Finagle's
 * `PeakEwma` (Twitter); decay and first value are Linkerd's.
 */
export class PeakEwma {
  readonly #decayMs: number;
  #valueMs: number;
  #stampMs: number;
  /** Whether anything has been observed; until then, it is a guess. */
  isKnown = false;

  /** @param decayMs how long until an old value weighs 1/e */
  constructor(decayMs: number, initialMs: number, nowMs: number) {
    this.#decayMs = decayMs;
    this.#valueMs = initialMs;
    this.#stampMs = nowMs;
  }

  /** What it was when something was last learnt. */
  get lastMs(): number {
    return this.#valueMs;
  }

  /** What it is at a time, on the clock's monotonic one. */
  at(nowMs: number): number {
    const passedMs = nowMs - this.#stampMs;
    return passedMs > 0 ? this.#valueMs * Math.exp(-passedMs / this.#decayMs) : this.#valueMs;
  }

  observe(latencyMs: number, nowMs: number): void {
    const kept = Math.exp(-Math.max(0, nowMs - this.#stampMs) / this.#decayMs);
    const sunkMs = this.#valueMs * kept;
    this.#valueMs = !this.isKnown || latencyMs >= sunkMs ? latencyMs : sunkMs + latencyMs * (1 - kept);
    this.#stampMs = nowMs;
    this.isKnown = true;
  }

  /** For what ended early or badly: what was known is as true as when it was learnt, or worse. */
  observeAtLeast(latencyMs: number, nowMs: number): void {
    this.#valueMs = Math.max(this.#valueMs, latencyMs);
    this.#stampMs = nowMs;
    this.isKnown = true;
  }

  /** Forgets what was, as if new. */
  restart(initialMs: number, nowMs: number): void {
    this.#valueMs = initialMs;
    this.#stampMs = nowMs;
    this.isKnown = false;
  }
}
