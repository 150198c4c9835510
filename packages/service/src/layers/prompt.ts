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
    const { signal } = call.ctx;
    return new Promise((resolve, reject) => {
      const onAbort = () =>
        reject(isStopping() && isError(signal.reason, 'CANCELLED') ? stopped(signal.reason) : signal.reason);
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      const work = inFlight.track(next(call));
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  };
}

function stopped(cause: Error) {
  return fail('UNAVAILABLE', 'This instance is shutting down and the work was not finished. Repeat it.', {
    cause,
    retryAfterMs: 0,
  });
}
