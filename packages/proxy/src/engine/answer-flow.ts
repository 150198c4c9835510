import type { Fields } from '@fairlead/net';
import { fail } from '../errors.ts';
import { brokenCause } from './failures.ts';
import type { BodySink, BodyStage } from './filter.ts';
import type { StageMaker } from './told-answer.ts';

/** Where a flow ends, and begins. */
export interface FlowEnds {
  /** A part for the client; false when it has no room for more. */
  deliver(part: Buffer): boolean;
  /** The client has all. */
  delivered(trailers: Fields): void;
  /** The rest never comes: a stage or source says so, or has failed with `error`; `cause` is what that is counted as. */
  broken(cause: string, error: unknown): void;
  /** There is room for more of what comes. */
  sourceRoom(): void;
}

/**
 * A body on its way to the client through the stages that filters have put there. Whoever gives it is slowed down to the pace of
 * the slowest: a part that has no room is answered with false, all the way back, and room is told the same way. A stage that
 * throws breaks the answer and nothing else.
 */
export class AnswerFlow implements BodySink {
  readonly #ends: FlowEnds;
  readonly #bodyBytes: number;
  /** In the order in which a part meets them. */
  readonly #stages: BodyStage[] = [];
  /** What each stage is given parts by; the last leads to the client. */
  readonly #links: Link[] = [];
  #givenBytes = 0;
  #isOver = false;

  /** `bodyBytes` is what the client was told; below 0 it doesn't know. */
  constructor(makers: readonly StageMaker[], bodyBytes: number, ends: FlowEnds) {
    this.#ends = ends;
    this.#bodyBytes = bodyBytes;
    const last = makers.length;
    this.#links[last] = new Link(this, new ClientSink(this));
    for (let at = last - 1; at >= 0; at -= 1) {
      const stage = makers[at]?.(this.#link(at + 1), { room: () => this.#roomBefore(at) });
      if (stage === undefined) throw new TypeError('A filter has made no stage of an answer.');
      this.#stages[at] = stage;
      this.#links[at] = new Link(this, stage);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it goes on without its client. */
  get outlivesClient(): boolean {
    return !this.#isOver && this.#stages.some((stage) => stage.outlivesClient === true);
  }

  /** Whether whoever gives the body has said that it is whole. */
  get hasEnded(): boolean {
    return this.#link(0).hasEnded;
  }

  part(part: Buffer): boolean {
    return this.#link(0).part(part);
  }

  end(trailers: Fields): void {
    this.#link(0).end(trailers);
  }

  cut(): void {
    this.broken(undefined);
  }

  /** The client has room again. */
  room(): void {
    if (!this.#isOver) this.#roomBefore(this.#stages.length);
  }

  /** Nobody wants more of it. Stages that have not ended what comes after them are told. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Those who have ended what comes after them know.
    for (const [at, stage] of this.#stages.entries()) {
      if (this.#link(at + 1).hasEnded) continue;
      try {
        stage.cut();
      } catch {
        // It was to end, and has.
      }
    }
  }

  /** It fails, once. */
  broken(error: unknown): void {
    if (!this.#isOver) this.#ends.broken(brokenCause(error), error);
  }

  /** A part has come through. */
  given(part: Buffer): boolean {
    this.#givenBytes += part.length;
    if (this.#bodyBytes >= 0 && this.#givenBytes > this.#bodyBytes) {
      this.broken(this.#wrongLength());
      return true;
    }
    return part.length === 0 || this.#ends.deliver(part);
  }

  /** All of it has. */
  givenAll(trailers: Fields): void {
    if (this.#bodyBytes >= 0 && this.#givenBytes !== this.#bodyBytes) return this.broken(this.#wrongLength());
    this.stop();
    this.#ends.delivered(trailers);
  }

  /** Whoever gives parts to the stage `at` may give more. */
  #roomBefore(at: number): void {
    if (this.#isOver) return;
    const stage = this.#stages[at - 1];
    try {
      if (stage !== undefined) stage.room();
      else if (!this.hasEnded) this.#ends.sourceRoom();
    } catch (error) {
      this.broken(error);
    }
  }

  #link(at: number): Link {
    const link = this.#links[at];
    if (link === undefined) throw new RangeError(`An answer has no stage ${at}.`);
    return link;
  }

  #wrongLength(): Error {
    const said = `${this.#bodyBytes} bytes were announced of an answer, ${this.#givenBytes} have come`;
    return fail(
      'INTERNAL',
      `A filter has miscounted: ${said}. Let Revision.bodyBytes or AnswerSource.bytes say what comes.`,
    );
  }
}

/** From one stage to the next: who gives on after the end, or after all is over, is not heard. */
class Link implements BodySink {
  hasEnded = false;
  readonly #flow: AnswerFlow;
  readonly #to: BodySink;

  constructor(flow: AnswerFlow, to: BodySink) {
    this.#flow = flow;
    this.#to = to;
  }

  part(part: Buffer): boolean {
    if (this.hasEnded || this.#flow.isOver) return true;
    try {
      return this.#to.part(part);
    } catch (error) {
      this.#flow.broken(error);
      return true;
    }
  }

  end(trailers: Fields): void {
    if (this.hasEnded || this.#flow.isOver) return;
    this.hasEnded = true;
    try {
      this.#to.end(trailers);
    } catch (error) {
      this.#flow.broken(error);
    }
  }

  cut(): void {
    if (!this.hasEnded) this.#flow.broken(undefined);
  }
}

class ClientSink implements BodySink {
  readonly #flow: AnswerFlow;

  constructor(flow: AnswerFlow) {
    this.#flow = flow;
  }

  part(part: Buffer): boolean {
    return this.#flow.given(part);
  }

  end(trailers: Fields): void {
    this.#flow.givenAll(trailers);
  }

  cut(): void {
    this.#flow.broken(undefined);
  }
}
