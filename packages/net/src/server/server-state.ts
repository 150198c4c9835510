import type { Clock, FairleadError } from '@fairlead/core';
import type { FieldSieve } from '../http1/field-sieve.ts';
import type { WholeAnswer, ResolvedServerLimits } from './options.ts';
import { Outbox } from '../wire/outbox.ts';
import type { ServerRequest } from './server-request.ts';

/** What a server's connections share. */
export class ServerState {
  readonly onRequest: (request: ServerRequest) => void;
  readonly refusal: (fault: FairleadError) => WholeAnswer;
  readonly limits: ResolvedServerLimits;
  /** What heads keep to be passed on; `undefined` for servers that answer by themselves. */
  readonly sieve: FieldSieve | undefined;
  readonly outbox = new Outbox();
  /** Requests that are not answered yet. */
  underWay = 0;
  /** Counts up while there are connections, each time that `tickMs` have passed: all that timeouts know of time. */
  tick = 0;
  readonly tickMs: number;
  /** No more requests after those under way. */
  isDraining = false;
  readonly #clock: Clock;
  #dateSecond = -1;
  #dateLine = '';

  constructor(
    clock: Clock,
    limits: ResolvedServerLimits,
    tickMs: number,
    onRequest: (request: ServerRequest) => void,
    refusal: (fault: FairleadError) => WholeAnswer,
    sieve: FieldSieve | undefined,
  ) {
    this.sieve = sieve;
    this.#clock = clock;
    this.limits = limits;
    this.tickMs = tickMs;
    this.onRequest = onRequest;
    this.refusal = refusal;
  }

  /** The `Date` of an answer, which changes once a second. */
  dateLine(): string {
    const nowMs = this.#clock.now();
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateLine = `date: ${new Date(nowMs).toUTCString()}\r\n`;
    }
    return this.#dateLine;
  }

  /** Whether `timeoutMs` have passed since `tick`; 0 never passes. May be late by a tick, never early. */
  hasPassed(timeoutMs: number, tick: number): boolean {
    return timeoutMs > 0 && this.tick - tick > timeoutMs / this.tickMs;
  }
}
