import type { Context } from '@fairlead/core';
import type { Operation } from '@fairlead/contract';
import type { Claim } from './idempotency-records.ts';
import type { IncomingRequest } from './service-instance.ts';

/** A call on its way inwards. One object from the outermost layer to the handler: what a layer finds out it writes down here. */
export class Call {
  /** Replaced where a span begins. */
  ctx: Context;
  readonly operation: Operation;
  readonly request: IncomingRequest;
  /** The decoded input; `undefined` before `decoded` has run. */
  input: unknown = undefined;
  /** The right to answer this idempotency key; `undefined` when the call has none. */
  claim: Claim | undefined = undefined;

  constructor(ctx: Context, operation: Operation, request: IncomingRequest) {
    this.ctx = ctx;
    this.operation = operation;
    this.request = request;
  }
}

/** An answer on its way outwards. */
export interface Answer {
  readonly status: number;
  /** Lower-case names; a layer may add to them. */
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The failure's code, when it is one. */
  readonly code?: string;
}

/** What is left of the way inwards. */
export type Next = (call: Call) => Promise<Answer>;

/** One step of the way: passes the call on, answers it itself, throws or rejects. */
export type Layer = (call: Call, next: Next) => Promise<Answer>;

/** The way through `layers`, outermost first, to `innermost`. */
export function layered(layers: readonly Layer[], innermost: Next): Next {
  return layers.reduceRight<Next>((next, layer) => (call) => layer(call, next), innermost);
}

/** A JSON answer. */
export function jsonAnswer(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8' }, body };
}
