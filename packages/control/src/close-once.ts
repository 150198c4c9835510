import type { CloseOptions } from '@fairlead/core';

type Close = (options?: CloseOptions) => Promise<void>;

/**
 * A platform's `close`: `leave` runs once, however often it is asked for. Asked again for an immediate end (a second
 * Ctrl-C), what it still waits for is ended by `force`. Then `leave` gets to its end as well, unless part of what it waits
 * for can't be ended: with `abandon` it is left behind.
 */
export function closeOnce(leave: Close, force: Close, options: { readonly abandon?: boolean } = {}): Close {
  let closed: Promise<void> | undefined;
  return (closeOptions) => {
    if (closed !== undefined && closeOptions?.graceMs === 0) {
      // What is left behind may fail when nobody listens any more.
      if (options.abandon === true) closed.catch(() => undefined);
      const left = options.abandon === true ? undefined : closed;
      return Promise.all([left, force(closeOptions)]).then(() => undefined);
    }
    closed ??= leave(closeOptions);
    return closed;
  };
}
