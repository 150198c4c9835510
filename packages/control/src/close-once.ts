import type { CloseOptions } from '@fairlead/core';

type Close = (options?: CloseOptions) => Promise<void>;

/**
 * A platform's `close`: `leave` runs once, however often it is asked for. Asked again for an immediate end (a second
 * Ctrl-C), what `drain` still waits for is ended by force.
 */
export function closeOnce(leave: Close, drain: Close): Close {
  let closed: Promise<void> | undefined;
  return (options) => {
    if (closed !== undefined && options?.graceMs === 0)
      return Promise.all([closed, drain(options)]).then(() => undefined);
    closed ??= leave(options);
    return closed;
  };
}
