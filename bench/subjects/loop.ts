// What a request costs above HTTP: the whole way around the handler without a socket, as it is by default and with everything
// recorded, and its parts by themselves. Spans are made into OTLP and go nowhere, lines are written and go nowhere.

import { openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { decodeCall, decodeOutput, encodeCall, encodeOutput } from '@fairlead/contract';
import { contextFromHeaders, contextToHeaders, realClock, realRandom, stepKey } from '@fairlead/core';
import { createService, socketTransport } from '@fairlead/service';
import { createTelemetry, samplingEnvironment } from '@fairlead/telemetry';
import { EVERYTHING } from '../load/everything.ts';
import { gatewayHeaders } from '../load/gateway-headers.ts';
import { QUOTE_REQUEST, quoteOf } from '../load/quote.ts';
import { quotesContract } from '../load/quotes-contract.ts';
import { quotesService } from '../load/quotes-service.ts';
import { printMeasurement } from './measurement.ts';

const CALLS = 20_000;
const ROUNDS = 12;

/** Where results go, so that nothing that is measured can be left out as unused. */
let sink: unknown;
let held = '';

const nothing = openSync(devNull, 'w');
const ports = { clock: realClock(), random: realRandom() };
await using transport = socketTransport({ resolve: () => undefined });
const recorded = await start(EVERYTHING);
const usual = await start({});
const { telemetry } = recorded;

const { quote } = quotesContract.operations;
const headers = gatewayHeaders();
const { traceparent: _, ...headersWithoutTrace } = headers;
const body = JSON.stringify(QUOTE_REQUEST);
const input = { ...QUOTE_REQUEST, lines: [...QUOTE_REQUEST.lines] };
const answer = quoteOf(QUOTE_REQUEST);
const answerBody = JSON.stringify(answer);
const request = { service: 'quotes', operation: 'quote', method: 'POST', path: '/quotes', headers, body };
const options = { ...ports, trusted: true, defaultTimeoutMs: 30_000 };
const red = telemetry.metrics.red({ kind: 'server' });
const ctx = contextFromHeaders({ ...headers, 'idempotency-key': 'order-1' }, options);

const parts = {
  'context-us': us(() => {
    using made = contextFromHeaders(headers, options);
    const leave = made.onEnd(() => {});
    leave();
    return made;
  }),
  'parse-us': us(() => JSON.parse(body)),
  'input-us': us(() => decodeCall(quote, { path: '/quotes', body })),
  'output-us': us(() => encodeOutput(quote, answer)),
  'line-us': us(() => {
    const fields = { operation: 'quote', method: 'POST', status: 200, code: undefined, durationMs: 0.4 };
    telemetry.log.info(ctx, 'POST /quotes 200', { ...fields, caller: 'gateway', subject: 'alice' });
    return fields;
  }),
  'metrics-us': us(() => {
    const observed = { labels: { operation: 'quote' }, outcome: 'ok', durationMs: 0.4 };
    red.observe(observed);
    return observed;
  }),
  'span-us': await microseconds(() =>
    telemetry.tracer.span(ctx, { name: 'POST /quotes', kind: 'server' }, async () => 1),
  ),
  'call-encode-us': us(() => encodeCall(quote, input)),
  'call-decode-us': us(() => decodeOutput(quote, answerBody)),
  'call-headers-us': us(() => contextToHeaders(ctx, { downstreamKey: 'step-1' })),
  'call-key-us': us(() => stepKey(ctx, 'orders.place/quotes.quote', 0)),
};
const whole = {
  // Without a trace of the caller's: it begins here, and the service decides.
  'request-us': await microseconds(() => usual.instance.handle({ ...request, headers: headersWithoutTrace })),
  'everything-us': await microseconds(() => recorded.instance.handle(request)),
};
for (const { instance, telemetry: own } of [recorded, usual]) {
  await instance.close();
  await own.close();
}
if (sink === undefined) throw new Error('what is measured must return something');
printMeasurement({ ...whole, ...parts });

/** A service whose environment says how much is recorded. */
async function start(env: Readonly<Record<string, string>>) {
  const made = createTelemetry({
    service: 'quotes',
    instance: 'quotes-1',
    ...ports,
    redact: { values: ['the-password-of-a-database'] },
    otlp: { send: async () => {} },
    destination: { write: writeLater },
    ...samplingEnvironment(env),
  });
  const instance = createService(quotesService, { ...ports, telemetry: made, transport, env, instance: 'quotes-1' });
  await instance.start();
  return { instance, telemetry: made };
}

/** Processor time of one of many, in microseconds. The best of some rounds, since others use the machine too. */
function us(part: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let index = 0; index < CALLS; index += 1) sink = part();
    return cpuUs(before) / CALLS;
  });
  return Math.min(...rounds);
}

/** The same of what takes turns. */
async function microseconds(call: () => Promise<unknown>): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let index = 0; index < CALLS; index += 1) {
      sink = await call();
      // Without a turn of the event loop no batch of spans could leave.
      if (index % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    rounds.push(cpuUs(before) / CALLS);
  }
  return Math.min(...rounds);
}

function cpuUs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function writeLater(line: string): void {
  held += line;
  if (held.length < 65_536) return;
  writeSync(nothing, held);
  held = '';
}
