/** Work on one key. Never rejects. `hold` keeps the slot taken until something else has ended too. */
export type LaneTask = (hold: (until: Promise<unknown>) => void) => Promise<void>;

/** Runs tasks of one key one after the other, and of different keys at the same time, up to a limit. */
export class Lanes {
  readonly #concurrency: number;
  readonly #lanes = new Map<string, LaneTask[]>();
  /** Keys with a task that may start, first come first served. */
  readonly #runnable: string[] = [];
  #taken = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Queues a task behind the others of its key. */
  add(key: string, task: LaneTask): void {
    const lane = this.#lanes.get(key);
    if (lane !== undefined) {
      lane.push(task);
      return;
    }
    this.#lanes.set(key, [task]);
    this.#runnable.push(key);
    this.#start();
  }

  /** Whether a task of this key runs or is queued. */
  busy(key: string): boolean {
    return this.#lanes.has(key);
  }

  /** Resolves when no task runs or is queued. Slots that are held longer are not waited for. */
  async idle(): Promise<void> {
    if (this.#lanes.size === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  #start(): void {
    while (this.#taken < this.#concurrency) {
      const key = this.#runnable.shift();
      if (key === undefined) return;
      this.#taken += 1;
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const lane = this.#lanes.get(key) ?? [];
    const held: Promise<unknown>[] = [];
    try {
      await lane[0]?.((until) => held.push(until));
    } finally {
      lane.shift();
      if (lane.length > 0) this.#runnable.push(key);
      else this.#lanes.delete(key);
      void Promise.allSettled(held).then(() => {
        this.#taken -= 1;
        this.#start();
      });
      if (this.#lanes.size === 0) {
        this.#idle?.resolve();
        this.#idle = undefined;
      }
    }
  }
}
