import type { Transport } from '@fairlead/core';
import { fail } from './errors.ts';
import type { ServiceInstance } from './service-instance.ts';

/** How `localTransport` finds what is not in this process. */
export interface LocalTransportOptions {
  /** Carries calls to services that are not in the map, such as externals. Default: they are UNAVAILABLE. */
  readonly otherwise?: Transport;
}

/**
 * Calls to services in this process. They cross as JSON text, through the same validation and the same layers as over a
 * socket. The map may be filled after this, since services need their transport before they are made.
 */
export function localTransport(
  instances: ReadonlyMap<string, Pick<ServiceInstance, 'handle'>>,
  options: LocalTransportOptions = {},
): Transport {
  return {
    async send(ctx, request) {
      ctx.throwIfAborted();
      const instance = instances.get(request.service);
      if (instance === undefined) {
        if (options.otherwise !== undefined) return options.otherwise.send(ctx, request);
        throw fail('UNAVAILABLE', `There is no service ${request.service} in this process.`, {
          details: { processed: 'no' },
        });
      }
      const answer = instance.handle({ ...request, until: ctx });
      return new Promise((resolve, reject) => {
        const leave = ctx.onEnd(reject);
        answer.then(resolve, reject).finally(leave);
      });
    },
  };
}
