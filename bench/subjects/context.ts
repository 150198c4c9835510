import { contextFromHeaders, contextToHeaders, createContext, realClock, realRandom } from '@fairlead/core';
import { printMeasurement } from './measurement.ts';
import { nanosecondsPerCall } from './nanoseconds.ts';

const clock = realClock();
const random = realRandom();
const facts = {
  tenant: 'acme',
  caller: { service: 'gateway', subject: 'ada', roles: ['support'] },
  idempotencyKey: 'order-1',
  baggage: { canary: 'on' },
} as const;

using root = createContext({ clock, random, timeoutMs: 60_000, ...facts });
const headers = contextToHeaders(root, { downstreamKey: 'step-1' });

printMeasurement({
  root: nanosecondsPerCall(() => {
    using ctx = createContext({ clock, random, timeoutMs: 60_000, ...facts });
    return ctx.trace;
  }),
  derive: nanosecondsPerCall(() => root.derive({ tenant: 'globex' })),
  scope: nanosecondsPerCall(() => {
    using ctx = root.withTimeout(1_000);
    return ctx.deadline;
  }),
  'encode-headers': nanosecondsPerCall(() => contextToHeaders(root, { downstreamKey: 'step-1' })),
  'decode-headers': nanosecondsPerCall(() => {
    using ctx = contextFromHeaders(headers, { clock, random, trusted: true });
    return ctx.trace;
  }),
});
