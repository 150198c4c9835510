// A handler that calls another service, which is in a process of its own behind a Unix socket; then one that is in this
// process. Both sides validate, trace, measure and log every call.

import { openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { defineContract, operation } from '@fairlead/contract';
import type { Transport } from '@fairlead/core';
import { defineService, localTransport, socketTransport } from '@fairlead/service';
import { z } from 'zod';
import { EVERYTHING } from '../load/everything.ts';
import { latenciesOf, type Latencies } from '../load/latencies.ts';
import { QUOTE_REQUEST } from '../load/quote.ts';
import { quotesContract } from '../load/quotes-contract.ts';
import { quotesService, startService } from '../load/quotes-service.ts';
import { startServer } from '../load/server-process.ts';
import { startSpanSink } from '../load/span-sink.ts';
import { printMeasurement } from './measurement.ts';

const latencies = z.object({ p50: z.number(), p99: z.number() });
const caller = defineService({
  contract: defineContract({
    name: 'caller',
    version: '1.0.0',
    operations: { measure: operation({ method: 'POST', path: '/measure', output: latencies }) },
  }),
  uses: { quotes: quotesContract },
  operations: {
    measure: (ctx, _input, { calls }) =>
      latenciesOf(async () => {
        const { totalCents } = await calls.quotes.quote(ctx, { ...QUOTE_REQUEST, lines: [...QUOTE_REQUEST.lines] });
        if (totalCents !== 31_140) throw new Error(`not the answer: ${totalCents}`);
      }),
  },
});

const lines = openSync(devNull, 'w');
const write = (line: string) => void writeSync(lines, line);
using sink = await startSpanSink();

const overSocket = await measureThere();
const inProcess = await measureHere();
printMeasurement({ 'p50-us': overSocket.p50, 'p99-us': overSocket.p99, 'single-call-us': inProcess.p50 });

async function measureThere(): Promise<Latencies> {
  await using server = await startServer('servers/fairlead.ts', {
    ...EVERYTHING,
    BENCH_OTLP_URL: sink.url,
    BENCH_LISTEN: 'socket',
  });
  const { listening } = server;
  if (!('path' in listening)) throw new Error('the service listens on no socket');
  await using transport = socketTransport({ resolve: () => ({ socketPath: listening.path }) });
  return await measure(transport);
}

async function measureHere(): Promise<Latencies> {
  const nowhere = socketTransport({ resolve: () => undefined });
  await using quotes = await startService(quotesService, {
    otlpUrl: sink.url,
    env: EVERYTHING,
    transport: nowhere,
    write,
  });
  return await measure(localTransport(new Map([['quotes', quotes.instance]])));
}

async function measure(transport: Transport): Promise<Latencies> {
  await using started = await startService(caller, { otlpUrl: sink.url, env: EVERYTHING, transport, write });
  const { status, body } = await started.instance.handle({
    service: 'caller',
    operation: 'measure',
    method: 'POST',
    path: '/measure',
    headers: {},
    body: undefined,
  });
  if (status !== 200) throw new Error(`the calls failed: ${body}`);
  return latencies.parse(JSON.parse(body));
}
