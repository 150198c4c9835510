import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { toOtlpJson } from './otlp.ts';
import { recordingTelemetry } from './recording.ts';

test('spans are written as OTLP writes them in JSON', async () => {
  const clock = virtualClock({ startMs: 1_700_000_000_123 });
  const { tracer, spans } = recordingTelemetry({ clock });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: 'v=1' };
  const ctx = createContext({ clock, random: seededRandom(1), trace });
  const attributes = { text: 'x', whole: 3, part: 0.5, big: 1e300, none: Number.NaN, yes: true, list: ['a', 'b'] };
  const failing = tracer.span(ctx, { name: 'charge', kind: 'client', attributes }, async (_, span) => {
    await clock.advance(1.25);
    span.event('retry', { attempt: 2 });
    throw new Error('refused');
  });
  await expect(failing).rejects.toThrow('refused');
  expect(JSON.parse(toOtlpJson({ service: 'payments', instance: 'p-1' }, spans))).toEqual({
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
