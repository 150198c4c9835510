import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createContext, seededRandom, virtualClock } from '@fairlead/core';
import { expect, test } from 'vitest';
import { createTelemetry } from './create-telemetry.ts';
import type { TelemetryOptions } from './telemetry.ts';

const random = seededRandom('telemetry');

function world(options: Partial<TelemetryOptions> = {}) {
  const clock = virtualClock({ startMs: Date.parse('2026-03-01T12:00:00.250Z') });
  const lines: string[] = [];
  const telemetry = createTelemetry({
    service: 'orders',
    clock,
    random,
    destination: { write: (line) => lines.push(line) },
    ...options,
  });
  return { clock, lines, telemetry, entry: (at = 0) => JSON.parse(lines[at] ?? 'null') };
}

test('a line is a JSON object with time, level, service, trace, request and tenant', () => {
  const { clock, telemetry, entry } = world({ instance: 'orders-1' });
  const ctx = createContext({ clock, random, tenant: 'acme', requestId: 'r-1', correlationId: 'c-1' });
  telemetry.log.warn(ctx, 'Stock is low at 5 %s', { sku: 'mug', left: 3n });
  expect(entry()).toEqual({
    level: 'warn',
    time: '2026-03-01T12:00:00.250Z',
    service: 'orders',
    instance: 'orders-1',
    traceId: ctx.trace.traceId,
    spanId: ctx.trace.spanId,
    requestId: 'r-1',
    correlationId: 'c-1',
    tenant: 'acme',
    sku: 'mug',
    left: '3',
    msg: 'Stock is low at 5 %s',
  });
});

test('a line without a Context has no trace, and none below the level is written', () => {
  const { telemetry, lines, entry } = world({ logLevel: 'warn' });
  telemetry.log.info(undefined, 'quiet');
  telemetry.log.child({ part: 'relay' }).error(undefined, 'loud');
  expect(lines).toHaveLength(1);
  expect(entry()).toMatchObject({ level: 'error', part: 'relay', msg: 'loud' });
  expect(entry()).not.toHaveProperty('traceId');
});

test('a field can not pose as a member of the line', () => {
  const { telemetry, lines, entry } = world();
  telemetry.log.info(undefined, 'real', { msg: 'false', tenant: 'globex', level: 'error' });
  expect(entry()).toMatchObject({ msg: 'real', level: 'info', 'field.msg': 'false', 'field.tenant': 'globex' });
  expect(lines[0]?.match(/"msg"/g)).toHaveLength(1);
});

test('a logged error shows code, stack and causes', () => {
  const { telemetry, entry } = world();
  const cause = new Error('socket closed');
  telemetry.log.error(undefined, 'failed', { error: new TypeError('no answer', { cause }) });
  expect(entry().error).toMatchObject({ name: 'TypeError', message: 'no answer', cause: { message: 'socket closed' } });
  expect(entry().error.stack).toContain('create-telemetry.test.ts');
});

test('secrets are in no line and no span, by name, by value and by shape', async () => {
  const sent: string[] = [];
  const { clock, telemetry, lines } = world({
    otlp: { send: async (json) => void sent.push(Buffer.from(json).toString()) },
    redact: { keys: ['card-number'], values: ['s3cr3t-value'] },
  });
  expect(telemetry.redactValue('late+secret"x')).toBe(true);
  expect(telemetry.redactValue('short')).toBe(false);
  const leak =
    'GET postgres://orders:hidden-pw@db/orders with Bearer abcdefghijklmnop.qrst s3cr3t-value late%2Bsecret%22x';
  const fields = {
    Password: 'hidden-pw',
    apiKey: 'hidden-pw',
    nested: [{ card_number: 'hidden-pw' }],
    accessToken: 'hidden-pw',
  };
  const ctx = createContext({ clock, random });
  const work = telemetry.tracer.span(
    ctx,
    { name: 'call', kind: 'client', attributes: { 'db.password': 'hidden-pw' } },
    (inner, span) => {
      span.set('url', leak);
      span.event('retry', { note: leak });
      telemetry.log.child(fields).error(inner, leak, { ...fields, error: new Error(leak, { cause: leak }) });
      return Promise.reject(new Error(leak));
    },
  );
  await expect(work).rejects.toThrow();
  await telemetry.close();
  for (const text of [...lines, ...sent]) {
    expect(text).toContain('[redacted]');
    for (const secret of ['hidden-pw', 'abcdefghijklmnop', 's3cr3t', 'late']) expect(text).not.toContain(secret);
  }
});

test('a field that says that a secret is missing, and a fencing token, are shown', () => {
  const { telemetry, entry } = world();
  telemetry.log.info(undefined, 'x', { password: undefined, token: null, fencingToken: 7 });
  expect(entry()).toMatchObject({ token: null, fencingToken: 7 });
});

test('logging never throws, whatever it is given and wherever it goes', () => {
  const circle: Record<string, unknown> = { name: 'circle' };
  circle['self'] = circle;
  const hostile = {
    get trap(): never {
      throw new Error('trap');
    },
  };
  const { telemetry, entry } = world();
  telemetry.log.info(undefined, 'x', { circle, hostile, fn: () => 1, symbol: Symbol('s'), nan: Number.NaN });
  expect(entry()).toMatchObject({ circle: { name: 'circle', self: '[circular]' }, hostile: '[unreadable: trap]' });
  const full = world({
    destination: {
      write() {
        throw new Error('disk full');
      },
    },
  });
  expect(() => full.telemetry.log.error(undefined, 'x')).not.toThrow();
});

test('for people, a line is short and a stack follows it', () => {
  const { clock, telemetry, lines } = world({ logFormat: 'pretty' });
  const ctx = createContext({ clock, random, tenant: 'acme' });
  telemetry.log.info(ctx, 'Order placed', { orderId: '42', note: 'two words' });
  telemetry.log.error(undefined, 'Failed', { error: new Error('boom') });
  expect(lines[0]).toBe(
    `12:00:00.250 INFO  orders Order placed tenant=acme orderId=42 note="two words" trace=${ctx.trace.traceId}\n`,
  );
  expect(lines[1]).toMatch(/ERROR orders Failed error=boom\n {2}Error: boom\n {4,}at /);
});

test('what was logged before a crash has been written', async () => {
  const script = `
    import { realClock, realRandom } from '@fairlead/core';
    import { createTelemetry } from ${JSON.stringify(new URL('./create-telemetry.ts', import.meta.url).href)};
    const { log } = createTelemetry({ service: 'doomed', clock: realClock(), random: realRandom() });
    for (let i = 0; i < 2000; i++) log.info(undefined, 'line', { i, padding: 'x'.repeat(100) });
    log.error(undefined, 'last words');
    process.kill(process.pid, 'SIGKILL');
  `;
  const args = ['--conditions=@fairlead/source', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await once(child, 'close');
  const lines = out.trimEnd().split('\n');
  expect(lines).toHaveLength(2001);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'last words' });
});

test('lines that nobody waits for are written when the process ends, by itself, by exit or by a fault', async () => {
  const ends = ['', 'process.exit(0);', "throw new Error('fault');"];
  for (const end of ends) {
    const script = `
      import { realClock, realRandom } from '@fairlead/core';
      import { createTelemetry } from ${JSON.stringify(new URL('./create-telemetry.ts', import.meta.url).href)};
      const ports = { clock: realClock(), random: realRandom() };
      const [a, b] = ['a', 'b'].map((service) => createTelemetry({ service, ...ports }).log);
      for (let i = 0; i < 1000; i++) (i % 2 === 0 ? a : b).info(undefined, String(i), { padding: 'x'.repeat(100) });
      ${end}
    `;
    const args = ['--conditions=@fairlead/source', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], cwd: import.meta.dirname });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    await once(child, 'close');
    const told = out
      .trimEnd()
      .split('\n')
      .map((line) => Number(JSON.parse(line).msg));
    expect(told).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  }
});

test.skipIf(!existsSync('/dev/full'))(
  'a standard output that takes nothing does not end what writes to it',
  async () => {
    const script = `
    import { realClock, realRandom } from '@fairlead/core';
    import { createTelemetry } from ${JSON.stringify(new URL('./create-telemetry.ts', import.meta.url).href)};
    const { log } = createTelemetry({ service: 'heard', clock: realClock(), random: realRandom() });
    for (let i = 0; i < 2000; i++) log.error(undefined, 'nobody keeps this', { i, padding: 'x'.repeat(1000) });
    console.error('goes on');
  `;
    const full = await open('/dev/full', 'w');
    const args = ['--conditions=@fairlead/source', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { stdio: ['ignore', full.fd, 'pipe'], cwd: import.meta.dirname });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(errors).toBe('goes on\n');
    await full.close();
  },
);

test('an option that does not exist, a wrong level and a wrong endpoint are refused', () => {
  const wrong = (options: object) => () => world(options);
  expect(wrong({ logLevle: 'info' })).toThrow('no option "logLevle". Did you mean "logLevel"?');
  expect(wrong({ logLevel: 'loud' })).toThrow('log level "loud" is none of debug, info, warn, error');
  expect(wrong({ otlp: { url: 'collector:4318' } })).toThrow('is not a URL we can send to');
});
