import type { Timer } from '@fairlead/core';
import type { EngineCore } from './engine-core.ts';

/** A request that has provably reached nobody waits for an upstream that may come back. */
export class Patience {
  readonly #core: EngineCore;
  readonly #untilMs: number;
  readonly #again: () => void;
  #pauses = 0;
  #pause: Timer | undefined;

  /** It began at `sinceMs`; `again` is called after each pause. */
  constructor(core: EngineCore, sinceMs: number, again: () => void) {
    this.#core = core;
    this.#untilMs = sinceMs + core.connectPatienceMs;
    this.#again = again;
  }

  /** Waits for a while; false when that would be for too long. */
  waits(): boolean {
    const { clock } = this.#core;
    if (clock.monotonic() >= this.#untilMs) return false;
    this.#pauses += 1;
    this.#pause = clock.setTimer(this.#core.pauseMs(this.#pauses), this.#again);
    return true;
  }

  cancel(): void {
    this.#pause?.cancel();
  }
}
