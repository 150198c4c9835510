import { isError } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { Layer } from '../exchange.ts';
import type { InFlight } from '../in-flight.ts';

/**
 * Answers as soon as the call's Context ends, also when the handler doesn't notice. The work then goes on unseen until
 * it settles: it keeps its claim and holds up a drain, and what it throws late is nobody's news.
 */
export function prompt(inFlight: InFlight, isStopping: () => boolean): Layer {
  return (call, next) => {
    return new Promise((resolve, reject) => {
      let ended = false;
      const leave = call.ctx.onEnd((reason) => {
        ended = true;
        reject(isStopping() && isError(reason, 'CANCELLED') ? stopped(reason) : reason);
      });
      if (ended) return;
      const settled = inFlight.begin();
      const failed = (error: unknown): void => {
        settled();
        leave();
        reject(error);
      };
      try {
        next(call).then((answer) => {
          settled();
          leave();
          resolve(answer);
        }, failed);
      } catch (error) {
        // A step further in has found out before it had anything to wait for.
        failed(error);
      }
    });
  };
}

/** What a call is told that a drain had no time left for. */
export function stopped(cause: Error) {
  return fail('UNAVAILABLE', 'This instance is shutting down and the work was not finished. Repeat it.', {
    cause,
    retryAfterMs: 0,
  });
}
