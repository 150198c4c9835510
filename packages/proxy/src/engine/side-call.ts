import type { Clock, FairleadError } from '@fairlead/core';
import type { AttemptOutcome, Carried, Carrier, Picked, ResponseHead } from '@fairlead/net';
import { FAILURES, outcomeOf } from './attempt-outcome.ts';

/** A request of the proxy's own, as it is sent. */
export interface SideMessage {
  readonly method: string;
  /** Head and framing, as latin1 text. */
  readonly head: string;
  readonly body: Buffer | undefined;
  /** Largest body of the answer, in bytes; `undefined` drops the body, whatever its size. */
  readonly maxAnswerBytes: number | undefined;
}

/** Who hears what becomes of one. */
export interface SideEnd {
  answered(head: ResponseHead, body: Buffer): void;
  failed(reason: FairleadError, wasKept: boolean): void;
  /** It is over, whichever way; what it is counted under, after how long. Before the others, and alone where `stop` has ended it. */
  counted(said: string, latencyMs: number): void;
}

/** One request beside those of clients, on its way to an endpoint and back. */
export class SideCall implements Carried {
  readonly method: string;
  readonly offersUpgrade = false;
  readonly #message: SideMessage;
  readonly #picked: Picked;
  readonly #clock: Clock;
  readonly #end: SideEnd;
  readonly #startedAtMs: number;
  readonly #parts: Buffer[] = [];
  #carrier: Carrier | undefined;
  #head: ResponseHead | undefined;
  #isOver = false;

  constructor(message: SideMessage, picked: Picked, clock: Clock, end: SideEnd) {
    this.method = message.method;
    this.#message = message;
    this.#picked = picked;
    this.#clock = clock;
    this.#end = end;
    this.#startedAtMs = clock.monotonic();
  }

  /** `isFresh`: on no connection that has been unused for a while. */
  start(isFresh = false): void {
    this.#picked.began();
    this.#picked.pool.carry(this, isFresh);
  }

  /** Nobody waits for it any more. */
  stop(outcome: 'timeout' | 'cancelled'): void {
    if (this.#isOver) return;
    const carrier = this.#carrier;
    if (carrier === undefined) this.#picked.pool.withdraw(this);
    else carrier.abandon();
    this.#over(outcome);
  }

  begin(carrier: Carrier): void {
    const { head, body, maxAnswerBytes } = this.#message;
    this.#carrier = carrier;
    if (maxAnswerBytes !== undefined) carrier.maxAnswerBytes = maxAnswerBytes;
    carrier.latin1(head);
    if (body !== undefined && body.length > 0) carrier.bytes(body);
    carrier.sent();
  }

  head(head: ResponseHead): void {
    if (head.status >= 200) this.#head = head;
  }

  data(part: Buffer): void {
    if (this.#message.maxAnswerBytes !== undefined) this.#parts.push(Buffer.from(part));
  }

  end(): void {
    const head = this.#head;
    if (head === undefined || this.#isOver) return;
    this.#over(outcomeOf(head));
    this.#end.answered(head, Buffer.concat(this.#parts));
  }

  room(): void {
    // All that there is was given at once.
  }

  fail(reason: FairleadError, wasKept: boolean): void {
    if (this.#isOver) return;
    const isUnprocessed = reason.details['processed'] === 'no';
    const refusal = wasKept ? 'cancelled' : 'connect-failed';
    this.#over(isUnprocessed ? refusal : 'reset');
    this.#end.failed(reason, wasKept);
  }

  #over(outcome: AttemptOutcome): void {
    this.#isOver = true;
    this.#carrier = undefined;
    const latencyMs = this.#clock.monotonic() - this.#startedAtMs;
    const status = this.#head?.status ?? 0;
    this.#picked.ended(outcome, latencyMs);
    this.#end.counted(status >= 500 ? String(status) : FAILURES[outcome], latencyMs);
  }
}
