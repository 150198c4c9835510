import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTracer } from './create-tracer.ts';
import { JsonBuffer } from './json-buffer.ts';
import { otlpFormat } from './otlp.ts';
import type { RecordedSpan } from './recorded-span.ts';
import { redaction } from './redaction.ts';
import { sampler } from './sampling.ts';
import { constantSpan } from './span-shape.ts';
import type { Clock } from '@fairlead/core';

function recorder(clock: Clock) {
  const spans: RecordedSpan[] = [];
  const redact = redaction([], []);
  const tracer = createTracer({
    clock,
    sampler: sampler({ keep: 'everything' }),
    redaction: redact,
    record: (span) => spans.push(span),
  });
  return { spans, tracer, redact };
}

function otlp(spans: readonly RecordedSpan[], instance: string | undefined): unknown {
  const format = otlpFormat({ service: 'payments', instance });
  const texts = spans.map((span) => {
    const to = new JsonBuffer(0);
    format.write(to, span);
    return Buffer.from(to.written()).toString();
  });
  return JSON.parse(`${format.before}${texts.join(',')}${format.after}`);
}

test('spans are written as OTLP writes them in JSON', async () => {
  const clock = virtualClock({ startMs: 1_700_000_000_123 });
  const { tracer, spans } = recorder(clock);
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: 'v=1' };
  const ctx = createContext({ clock, random: seededRandom(1), trace });
  const attributes = { text: 'x', whole: 3, part: 0.5, big: 1e300, none: Number.NaN, yes: true, list: ['a', 'b'] };
  const failing = tracer.span(ctx, { name: 'charge', kind: 'client', attributes }, async (_, span) => {
    await clock.advance(1.25);
    span.event('retry', { attempt: 2 });
    throw new Error('refused');
  });
  await expect(failing).rejects.toThrow('refused');
  expect(otlp(spans, 'p-1')).toEqual({
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'payments' } },
            { key: 'telemetry.sdk.name', value: { stringValue: 'fairlead' } },
            { key: 'telemetry.sdk.language', value: { stringValue: 'nodejs' } },
            { key: 'service.instance.id', value: { stringValue: 'p-1' } },
          ],
        },
        scopeSpans: [
          {
            scope: { name: '@fairlead/telemetry' },
            spans: [
              {
                traceId: 'a'.repeat(32),
                spanId: spans[0]?.spanId,
                parentSpanId: 'b'.repeat(16),
                traceState: 'v=1',
                name: 'charge',
                kind: 3,
                startTimeUnixNano: '1700000000123000000',
                endTimeUnixNano: '1700000000124250000',
                attributes: [
                  { key: 'text', value: { stringValue: 'x' } },
                  { key: 'whole', value: { intValue: '3' } },
                  { key: 'part', value: { doubleValue: 0.5 } },
                  { key: 'big', value: { doubleValue: 1e300 } },
                  { key: 'none', value: { doubleValue: 'NaN' } },
                  { key: 'yes', value: { boolValue: true } },
                  { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
                  { key: 'error.type', value: { stringValue: 'Error' } },
                ],
                events: [
                  {
                    timeUnixNano: '1700000000124250000',
                    name: 'retry',
                    attributes: [{ key: 'attempt', value: { intValue: '2' } }],
                  },
                ],
                status: { code: 2, message: 'refused' },
              },
            ],
          },
        ],
      },
    ],
  });
});

const ANY_TEXT = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('"', '\\', '\u0000', '\ud800', 'ä'),
);

test('whatever a span says arrives as it was said', async () => {
  const clock = virtualClock({ startMs: 1_700_000_000_123 });
  const said = fc.record({
    fixed: fc.dictionary(ANY_TEXT, ANY_TEXT, { maxKeys: 3 }),
    own: fc.dictionary(ANY_TEXT, fc.oneof(ANY_TEXT, fc.integer(), fc.boolean(), fc.array(ANY_TEXT)), { maxKeys: 3 }),
    tenant: ANY_TEXT,
    state: fc.option(ANY_TEXT, { nil: undefined }),
    failure: fc.option(ANY_TEXT, { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(said, async ({ fixed, own, tenant, state, failure }) => {
      const { tracer, spans } = recorder(clock);
      const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state };
      const ctx = createContext({ clock, random: seededRandom(1), trace, tenant });
      await tracer.span(ctx, constantSpan({ name: tenant, kind: 'server', attributes: fixed }), async (_, span) => {
        for (const [name, value] of Object.entries(own)) span.set(name, value);
        if (failure !== undefined) span.fail('FAILED', failure);
      });
      const [expected] = spans.map((span) => span.toFinishedSpan());
      expect(readBack(otlp(spans, undefined))).toEqual({
        name: tenant,
        state,
        message: failure,
        attributes: { ...expected?.attributes },
      });
    }),
  );
});

interface Exported {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceState?: string;
        readonly status?: { readonly message: string };
        readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
      }[];
    }[];
  }[];
}

/** The only span, as a collector understands it. */
function readBack(request: unknown) {
  // The encoder's form, or the test fails on what is missing.
  const span = (request as Exported).resourceSpans[0]?.scopeSpans[0]?.spans[0];
  return {
    name: span?.name,
    state: span?.traceState,
    message: span?.status?.message,
    attributes: Object.fromEntries(span?.attributes.map(({ key, value }) => [key, plainValue(value)]) ?? []),
  };
}

function plainValue(value: Record<string, unknown>): unknown {
  if ('intValue' in value) return Number(value['intValue']);
  if ('arrayValue' in value)
    return (value['arrayValue'] as { values: Record<string, unknown>[] }).values.map(plainValue);
  return Object.values(value)[0];
}
