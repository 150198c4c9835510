/** Lets one at a time through, in the order in which they came. */
export class Lane {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn, to how one leaves. Leaving twice is leaving once. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return resolve;
  }
}
