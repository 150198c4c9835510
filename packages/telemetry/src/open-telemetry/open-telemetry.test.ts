import { AsyncLocalStorage } from 'node:async_hooks';
import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { context, ROOT_CONTEXT, trace, type Context as OtelContext, type ContextManager } from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { withOpenTelemetry } from './open-telemetry.ts';

const storage = new AsyncLocalStorage<OtelContext>();
const manager: ContextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (active, fn, thisArg, ...args) => storage.run(active, () => fn.apply(thisArg, args)),
  bind: (_, target) => target,
  enable: () => manager,
  disable: () => manager,
};

afterEach(() => context.disable());

const ctx = createContext({ clock: virtualClock(), random: seededRandom('otel') });

test('third-party instrumentation sees our span as the active one, across awaits', async () => {
  context.setGlobalContextManager(manager);
  const seen = await withOpenTelemetry(ctx.derive({ trace: { ...ctx.trace, state: 'v=1' } }), async () => {
    await Promise.resolve();
    return trace.getSpanContext(context.active());
  });
  expect(seen).toMatchObject({ traceId: ctx.trace.traceId, spanId: ctx.trace.spanId, traceFlags: 1 });
  expect(seen?.traceState?.serialize()).toBe('v=1');
  expect(trace.getSpanContext(context.active())).toBeUndefined();
});

test('without an OpenTelemetry SDK the work just runs', () => {
  expect(withOpenTelemetry(ctx, () => 42)).toBe(42);
});
