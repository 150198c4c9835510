import { virtualClock } from '@fairlead/core';
import { recordingTelemetry } from '@fairlead/telemetry';
import { expect, test } from 'vitest';
import { answering, get, linesOf, OK, running } from './engine.fixture.ts';
import { filterOf } from './filter-of.fixture.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

/** Members of the line of a request whose filter has looked at its Context, or hasn't. */
async function lineOf(readsContext: boolean, keep: 'everything' | 'nothing', ...lines: string[]) {
  const telemetry = recordingTelemetry({ clock: virtualClock(), traces: { keep } });
  const origin = await answering(OK);
  const kinds = [
    filterOf('known', () => ({
      request(passage) {
        passage.identity = { subject: 'ann', tenant: 'acme', roles: [], scopes: [], claims: {} };
        if (readsContext) expect(passage.ctx.tenant).toBe('acme');
        return undefined;
      },
    })),
  ];
  const { client } = await running(
    { clusters: { orders: { endpoints: [origin.origin] } }, filters: [{ type: 'known' }] },
    { kinds, telemetry },
  );
  const answer = await client()
    .send(get('/a', ...lines))
    .got('ok');
  const [line] = linesOf(telemetry);
  return { line, answer, said: /traceparent: 00-(\w+)-(\w+)/.exec(answer) };
}

test.each([
  [false, 'nothing'],
  [true, 'nothing'],
  [false, 'everything'],
  [true, 'everything'],
] as const)(
  'a line bears what its answer bears (its Context was read: %s; recorded: %s)',
  async (readsContext, keep) => {
    const { line, answer, said } = await lineOf(readsContext, keep);
    expect(line).toMatchObject({ traceId: said?.[1], spanId: said?.[2], requestId: said?.[1], tenant: 'acme' });
    expect(line).not.toHaveProperty('correlationId');
    expect(answer).toContain(`x-request-id: ${said?.[1]}\r\n`);
  },
);

test.each([false, true])(
  'a line of a trace that came says whose it is (its Context was read: %s)',
  async (readsContext) => {
    const fields = [`traceparent: 00-${TRACE}-${SPAN}-01`, 'x-request-id: order-7'];
    const { line } = await lineOf(readsContext, 'nothing', ...fields);
    expect(line).toMatchObject({ traceId: TRACE, spanId: SPAN, requestId: 'order-7', tenant: 'acme', subject: 'ann' });
  },
);
