import { contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';

/** The headers that the gateway adds to a request of a signed-in customer. */
export function gatewayHeaders(): Record<string, string> {
  using ctx = createContext({
    clock: realClock(),
    random: realRandom(),
    timeoutMs: 10_000,
    tenant: 'acme',
    caller: { service: 'gateway', subject: 'alice', roles: ['customer'] },
  });
  return { accept: 'application/json', ...contextToHeaders(ctx) };
}
