import type { Socket } from 'node:net';
import type { FairleadError } from '@fairlead/core';
import type { Fields } from '../http1/fields.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/**
 * A request on its way through a pool, and who hears of its answer. One object for both, told by method calls: a proxy's
 * request makes nothing else. None of these may throw.
 */
export interface Carried {
  /** One to HEAD has an answer without a body. */
  readonly method: string;
  /** Whether it offers another protocol, so that it may be answered with 101. */
  readonly offersUpgrade: boolean;
  /** It has a connection: whatever is there of it is to be sent. */
  begin(carrier: Carrier): void;
  /** The head of an answer, of a provisional one (below 200) too. */
  head(head: ResponseHead): void;
  /** The head has come by itself: its body may be long in coming. */
  headAlone?(): void;
  /** A part of the answer's body, in memory that is used again as soon as this returns. */
  data(part: Buffer): void;
  /** The answer is whole. The connection may carry somebody else already. */
  end(trailers: Fields): void;
  /** There is room for more of the request, after there was none. */
  room(): void;
  /**
   * There will be no answer, or no more of it. `reason.details.processed` is `no` when it provably was not sent, else
   * `maybe`. `wasKept`: the connection had carried others before and brought nothing of this answer.
   */
  fail(reason: FairleadError, wasKept: boolean): void;
}

/** The connection that a request is on. To be forgotten when the request has ended, for it carries others then. */
export interface Carrier {
  /** Largest body of the answer, in bytes; beyond it the answer fails. Set at the beginning. Default: any. */
  maxAnswerBytes: number;
  /** Sends a head, which is latin1, and text that is sent as UTF-8 after it. */
  text(head: string, body: string): void;
  /** Sends latin1 text. */
  latin1(text: string): void;
  /** Sends bytes, which must not change; false when there is no room for more. */
  bytes(part: Buffer): boolean;
  /** Sends a part of the body, which is copied or sent before this returns; false when there is no room for more. */
  part(bytes: Buffer, isChunk: boolean): boolean;
  /** All of the request has been given. */
  sent(): void;
  /** Stops and goes on with the answer, for a reader that is slow. */
  pause(): void;
  resume(): void;
  /** Ends it, and with it what the server may be doing for the request; `fail` is not called. */
  abandon(): void;
  /**
   * Hands the socket over after an answer 101, with what has arrived of the other protocol. What comes later goes to
   * `received`, in memory that is used again as soon as that returns.
   */
  takeOver(received: (bytes: Buffer) => void): { readonly socket: Socket; readonly first: Buffer };
}
