import type { CallEnd } from './call.ts';
import type { Decision } from './decision.ts';
import type { Rejection } from './rejection.ts';
import { rejectionError } from './rejected-error.ts';

/** Settles a promise as if the work had been called directly: with its value, or by throwing. */
export class ThrowingEnd<Value> implements CallEnd {
  readonly #resolve: (value: Value) => void;
  readonly #reject: (error: unknown) => void;

  constructor(resolve: (value: Value) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  succeeded(value: unknown): void {
    // What this call's work returned.
    this.#resolve(value as Value);
  }

  failed(error: unknown): void {
    this.#reject(error);
  }

  rejected(rejection: Rejection): void {
    this.#reject(rejectionError(rejection));
  }
}

/** Settles a promise with what became of the call, whatever that is. */
export class DecidingEnd<Value> implements CallEnd {
  readonly #resolve: (decision: Decision<Value>) => void;

  constructor(resolve: (decision: Decision<Value>) => void) {
    this.#resolve = resolve;
  }

  succeeded(value: unknown, attempts: number): void {
    // What this call's work returned.
    this.#resolve({ kind: 'ok', value: value as Value, attempts, from: 'call' });
  }

  failed(error: unknown, attempts: number, stopped: Rejection | undefined): void {
    this.#resolve({ kind: 'failed', error, attempts, stopped });
  }

  rejected(rejection: Rejection): void {
    this.#resolve({ kind: 'rejected', rejection });
  }
}
