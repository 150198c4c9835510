import { realTurn } from '@fairlead/core';

/** Something with bytes to send. */
export interface Sender {
  flush(): void;
}

/**
 * Lets the answers of one turn of the event loop leave together, after the turn: the first write wakes the peer, and the
 * others find it awake, which makes them cheaper. An answer that is alone leaves at once.
 */
export class Outbox {
  #waiting: Sender[] = [];
  #spare: Sender[] = [];

  /** Sends what `sender` has: now, if it `isAlone`, or with the others of this turn. */
  send(sender: Sender, isAlone: boolean): void {
    const count = this.#waiting.length;
    if (count === 0 && isAlone) {
      sender.flush();
      return;
    }
    this.#waiting.push(sender);
    if (count === 0) void realTurn().then(this.#flush);
  }

  readonly #flush = (): void => {
    const senders = this.#waiting;
    this.#waiting = this.#spare;
    for (const sender of senders) sender.flush();
    senders.length = 0;
    this.#spare = senders;
  };
}
