/**
 * An exponentially weighted mean that begins as the plain mean of its first values, so that the first one alone does
 * not decide for long. The weight of a new value is 2 / (window + 1).
 */
export class RunningMean {
  readonly #factor: number;
  readonly #warmUp: number;
  #count = 0;
  #value = 0;

  constructor(window: number, warmUp: number) {
    this.#factor = 2 / (window + 1);
    this.#warmUp = warmUp;
  }

  /** 0 before the first value. */
  get value(): number {
    return this.#value;
  }

  /** Takes a value in and gives the mean after it. */
  add(value: number): number {
    if (this.#count < this.#warmUp) this.#value += (value - this.#value) / ++this.#count;
    else this.#value += (value - this.#value) * this.#factor;
    return this.#value;
  }

  /** Multiplies the mean as it is. */
  scale(factor: number): void {
    this.#value *= factor;
  }
}
