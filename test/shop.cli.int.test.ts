import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runCli } from '@fairlead/cli';
import { createContext, realClock, realRandom } from '@fairlead/core';
import { openDatabase } from '@fairlead/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { customer, eventually, ledger, setFaults } from './shop/customer.ts';
import { RunningShop } from './shop/up.ts';

let dataDir = '';
let shop: RunningShop;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-cli-'));
  shop = await new RunningShop(dataDir).start();
});

afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs a command line in this process. */
async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await runCli(
    {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      interactive: false,
      colours: false,
      columns: () => 80,
      rows: () => 24,
      env: {},
      cwd: dataDir,
    },
    args,
  );
  return { code, out, err };
}

/** The same, on the running shop. */
const fairlead = (...args: readonly string[]) => run(...args, '--data-dir', dataDir);

async function asJson<T>(...args: readonly string[]): Promise<T> {
  const { out, err } = await fairlead(...args, '--json');
  expect(err).toBe('');
  return JSON.parse(out) as T;
}

interface Outcome {
  readonly status: number;
  readonly body: { readonly id: string; readonly status: string; readonly code: string };
  readonly traceId: string;
  readonly idempotencyKey?: string;
}

const ANCHOR = '{"items":[{"sku":"ANCHOR-10","quantity":1}]}';
const ADA = ['--tenant', 'acme', '--subject', 'ada'];

test('an operation is called by its name, and the same key gives the same order', async () => {
  const first = await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA);
  expect(first).toMatchObject({ status: 201, body: { status: 'pending' } });
  expect(first.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  const again = await asJson<Outcome>(
    'call',
    'orders.placeOrder',
    ANCHOR,
    ...ADA,
    '--idempotency-key',
    first.idempotencyKey!,
  );
  expect(again.body.id).toBe(first.body.id);
  // Its trace begins with the command and goes on through the services.
  const traced = await eventually(async () => {
    const { out } = await fairlead('trace', first.traceId);
    return out.includes('payments') ? out : undefined;
  }, 'the trace of the call');
  expect(traced).toMatch(/^ +\+0\.00 ms .* cli orders\.placeOrder$/m);
});

test('an internal operation and an external can be called, and all of them are listed', async () => {
  const quote = await fairlead('call', 'catalog.quote', '{"skus":["ANCHOR-10"]}', '--tenant', 'acme');
  expect(quote.code).toBe(0);
  expect(quote.out).toMatch(/^200 OK in [\d.]+ ms\n\{\n {2}"prices": \[/);
  expect(quote.out).toMatch(/\nfairlead trace [0-9a-f]{32} --data-dir /);
  expect(quote.out).not.toContain('idempotency key');
  expect(await asJson<Outcome>('call', 'billing.ledger')).toMatchObject({
    status: 200,
    body: { entries: expect.any(Array) },
  });
  expect((await fairlead('call')).out).toMatch(/^catalog\.quote +internal +Prices of some items/m);
});

test('input from a file is taken, what is no file or no JSON is told', async () => {
  await writeFile(join(dataDir, 'order.json'), ANCHOR);
  expect((await fairlead('call', 'orders.placeOrder', '@order.json', ...ADA)).code).toBe(0);
  expect((await fairlead('call', 'orders.placeOrder', '@ordr.json')).err).toContain("ordr.json can't be read: ENOENT");
  expect((await fairlead('call', 'orders.placeOrder', '{sku:1}')).err).toContain('the input is not JSON');
  expect((await fairlead('call', 'orders.placeOrder', '[]')).err).toContain('is not a JSON object');
});

test('input that the contract does not allow is never sent, and the answer says where and what was meant', async () => {
  const { code, err, out } = await fairlead('call', 'orders.placeOrder', '{"itms":[]}', ...ADA);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain('$.itms: unknown member; did you mean "items"?');
  expect(err).toContain('$.items: is missing');
  expect((await fairlead('logs', 'orders')).out).not.toContain('itms');
});

test.each([
  ['ordrs.placeOrder', 'Did you mean "orders"?'],
  ['orders.plceOrder', 'Did you mean orders.placeOrder?'],
  ['placeOrdr', 'Did you mean orders.placeOrder?'],
  ['orders', 'which operation of orders? orders.listOrders'],
])('the name %s is answered with what was probably meant', async (name, hint) => {
  const { code, err } = await fairlead('call', name);
  expect(code).toBe(2);
  expect(err).toContain(hint);
});

test('the exit code tells a refusal from a failure, and a failure says how to repeat it', async () => {
  const refused = await fairlead('call', 'orders.getOrder', '{"id":"none"}', '--tenant', 'acme');
  expect(refused.code).toBe(3);
  expect(refused.out).toContain('ORDER_NOT_FOUND: There is no order none.');
  await setFaults(shop, { latencyMs: 5_000 });
  const charge = JSON.stringify({ orderId: 'none', amountCents: 1, currency: 'EUR', card: 'ok' });
  const late = await fairlead('call', 'billing.charge', charge, '--timeout', '1s');
  await setFaults(shop, { latencyMs: 0 });
  expect(late.code).toBe(4);
  expect(late.err).toMatch(/Repeat it safely with --idempotency-key [0-9a-f-]{36}/);
});

test('completion knows the names of what runs', async () => {
  const complete = async (...words: readonly string[]) => (await run('__complete', ...words)).out.split('\n');
  expect(await complete('call', '--data-dir', dataDir, 'billing.l')).toEqual(['billing.ledger', '']);
  expect(await complete('dlq', 'list', '--data-dir', dataDir, 'pay')).toEqual(['payments', '']);
});

/** `events tail --json` as a process of its own, until `wanted` says so of what has come. */
async function tailUntil(
  flags: readonly string[],
  wanted: (seen: readonly CloudEvent[]) => boolean | Promise<boolean>,
) {
  const launcher = fileURLToPath(new URL('../packages/cli/bin/fairlead.js', import.meta.url));
  const line = [launcher, 'events', 'tail', '--json', '--since', '1h', '--data-dir', dataDir, ...flags];
  const tail = spawn(process.execPath, line, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  tail.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk));
  try {
    const seen: CloudEvent[] = [];
    for await (const text of createInterface({ input: tail.stdout })) {
      seen.push(JSON.parse(text) as CloudEvent);
      if (await wanted(seen)) return { seen, complaints };
    }
    throw new Error(`the tail ended: ${complaints}`);
  } finally {
    tail.kill('SIGKILL');
    if (tail.exitCode === null && tail.signalCode === null) await once(tail, 'exit');
  }
}

interface CloudEvent {
  readonly specversion: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
}

test('events are followed as they are committed, by type, key and service', async () => {
  const placed = await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA);
  const { id } = placed.body;
  const { seen } = await tailUntil(['--type', 'order.*', '--key', id], (events) => events.length === 3);
  expect(seen.map(({ type }) => type)).toEqual(['order.placed', 'order.reserved', 'order.confirmed']);
  for (const event of seen) expect(event).toMatchObject({ specversion: '1.0', source: '/orders', subject: id });

  const { code, out } = await fairlead('events', 'tail', 'payments', '--since', '1h', '--once', '--key', id);
  expect(code).toBe(0);
  expect(out).toMatch(/^[\d:.]+ payments payment\.captured [0-9a-f-]+ \{.*\}\n$/);
  expect((await fairlead('events', 'tail', 'payment')).err).toContain('Did you mean "payments"?');
});

test('what stands at the edge is told, and what a request would meet there', async () => {
  expect((await fairlead('status')).out).toMatch(/AT THE EDGE +FILTERS(.|\n)*order-details +cors, .*compose/);
  const { out } = await fairlead('route', 'explain', 'GET /order-details/7');
  expect(out).toMatch(/cors: [^]*platform-token: [^]*platform-headers: [^]*compose: makes one answer of 3 parts/);
});

test('who follows events loses none when the control plane ends and comes back', async () => {
  const ada = await customer(shop, 'acme', 'ada');
  let order: string | undefined;
  const { seen } = await tailUntil(['orders'], async (events) => {
    if (order !== undefined) return events.some(({ type, subject }) => type === 'order.confirmed' && subject === order);
    const control = (await shop.status()).find(({ name }) => name === 'control');
    process.kill(control!.pid!, 'SIGKILL');
    order = (await ada.place([{ sku: 'ANCHOR-10', quantity: 1 }], 'while-control-is-away')).body.id;
    return false;
  });
  const types = seen.filter(({ subject }) => subject === order).map(({ type }) => type);
  expect(types).toEqual(['order.placed', 'order.reserved', 'order.confirmed']);
  await eventually(async () => ((await fairlead('call')).code === 0 ? true : undefined), 'the control plane to answer');
});

/** Makes the events that payments has parked dead, as they are after their last attempt. */
async function giveUp(): Promise<number> {
  const clock = realClock();
  using ctx = createContext({ clock, random: realRandom(), timeoutMs: 10_000 });
  const url = (await readFile(join(dataDir, 'secrets', 'payments.database-url'), 'utf8')).trim();
  await using database = openDatabase({ url, name: 'payments', clock });
  // One whose attempt is under way would come back to life.
  const waiting = `attempts > 0 and next_attempt_at > fairlead.now() + interval '100 milliseconds'`;
  return (await database.query(ctx, `update fairlead_parked set dead = true where ${waiting}`)).rowCount;
}

test('an event that was given up is listed, shown with what waits behind it, and redriven', async () => {
  await setFaults(shop, { failNext: 1_000 });
  const order = await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA);
  await eventually(async () => ((await giveUp()) > 0 ? true : undefined), 'payments to park the event');
  await asJson<Outcome>('call', 'orders.cancelOrder', JSON.stringify({ id: order.body.id }), ...ADA);

  const [letter] = await eventually(async () => {
    const { items } = await asJson<{ items: { id: string; service: string; waiting: number }[] }>('dlq', 'list');
    return items[0]?.waiting === 1 ? items : undefined;
  }, 'the cancellation to wait behind the dead letter');
  const { id } = letter!;
  expect((await fairlead('dlq', 'list', 'payments')).out).toMatch(
    new RegExp(`SERVICE +ID +EVENT +KEY.*\\npayments +${id} +order\\.reserved +${order.body.id} +\\d+ +1 `),
  );
  const shown = await fairlead('dlq', 'show', 'payments', id);
  expect(shown.out).toContain(`"orderId": "${order.body.id}"`);
  expect(shown.out).toMatch(/1 events of its key wait behind it:\n {2}\S+ +order\.cancelled /);
  expect((await fairlead('dlq', 'list', 'orders')).out).toBe('No dead letters.\n');

  await setFaults(shop, { failNext: 0 });
  expect(await asJson('dlq', 'redrive', 'payments', '--all')).toEqual({
    service: 'payments',
    redriven: [id],
    more: false,
  });
  // Charged by the letter, refunded by what waited behind it.
  await eventually(
    async () => ((await ledger(shop, order.body.id)).length === 2 ? true : undefined),
    'the charge and its refund',
  );
  expect((await fairlead('dlq', 'redrive', 'payments', id)).err).toContain(`payments has no dead letter ${id}`);
  expect((await fairlead('logs', 'control')).out).toContain(
    `Dead letter redriven audit={"action":"dead-letter.redrive","service":"payments","target":"${id}"}`,
  );
});

test('a dead letter that is discarded is never handled', async () => {
  await setFaults(shop, { failNext: 1_000 });
  const order = await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA);
  await eventually(async () => ((await giveUp()) > 0 ? true : undefined), 'payments to park the event');
  const { items } = await asJson<{ items: { id: string }[] }>('dlq', 'list', 'payments');
  await setFaults(shop, { failNext: 0 });
  expect(await fairlead('dlq', 'discard', 'payments', items[0]!.id)).toMatchObject({
    code: 0,
    out: `payments: dead letter ${items[0]!.id} discarded.\n`,
  });
  expect((await fairlead('dlq', 'list')).out).toBe('No dead letters.\n');
  expect(await ledger(shop, order.body.id)).toEqual([]);
  expect((await fairlead('dlq', 'discard', 'payments')).err).toContain('name an id, or give --all');
});

/** Gives up the job that would expire an order, as a worker does after its last attempt. */
async function giveUpExpiry(orderId: string): Promise<void> {
  using ctx = createContext({ clock: realClock(), random: realRandom(), timeoutMs: 10_000 });
  const url = (await readFile(join(dataDir, 'secrets', 'orders.database-url'), 'utf8')).trim();
  await using database = openDatabase({ url, name: 'orders', clock: realClock() });
  await database.query(
    ctx,
    `update fairlead_job set state = 'dead', dead_reason = 'attempts', attempt = 1, ended_at = fairlead.now(),
            failures = '[{"attempt": 1, "at": 0, "code": "AWAY", "message": "gone fishing"}]'
      where payload ->> 'orderId' = $1`,
    [orderId],
  );
}

interface Jobs {
  readonly items: readonly { readonly id: string; readonly queue: string; readonly state: string }[];
}

test('jobs are listed, shown, paused, redriven and cancelled', async () => {
  const of = async (): Promise<string> => (await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA)).body.id;
  const idOf = async (orderId: string, ...flags: string[]): Promise<string | undefined> => {
    const { items } = await asJson<Jobs>('jobs', 'list', 'orders', ...flags);
    for (const { id } of items) if ((await fairlead('jobs', 'show', 'orders', id)).out.includes(orderId)) return id;
    return undefined;
  };
  const [first, second] = [await of(), await of()];
  const [a = '', b = ''] = [await idOf(first, '--state', 'later'), await idOf(second)];
  expect((await fairlead('jobs', 'queues', 'orders')).out).toMatch(/orders expire-order +0 +0 +[1-9]/);
  expect((await fairlead('jobs', 'show', 'orders', a)).out).toContain('No attempt has failed.');

  expect((await fairlead('jobs', 'pause', 'orders', 'expire-order')).out).toBe('orders: expire-order is paused.\n');
  expect((await fairlead('status')).out).toMatch(/QUEUE +WAITING(.|\n)*orders expire-order .*paused/);
  expect((await fairlead('jobs', 'pause', 'orders', 'expire')).err).toContain('has no queue "expire"');

  await giveUpExpiry(first);
  expect((await fairlead('jobs', 'dead', 'orders', '--code', 'AWAY')).out).toMatch(
    new RegExp(`orders +${a} +expire-order +dead .* AWAY: gone fishing`),
  );
  expect((await fairlead('jobs', 'dead', '--code', 'OTHER')).out).toBe('No dead jobs.\n');
  expect((await fairlead('jobs', 'show', 'orders', a)).out).toMatch(/Failed attempts:\n +1 .* AWAY +gone fishing/);
  expect(await asJson('jobs', 'redrive', 'orders', '--all', '--code', 'AWAY', '--per-second', '100')).toEqual({
    service: 'orders',
    redriven: 1,
  });
  expect((await asJson<{ state: string }>('jobs', 'show', 'orders', a)).state).toBe('waiting');

  expect((await fairlead('jobs', 'cancel', 'orders', b)).out).toBe(`orders: job ${b} is gone.\n`);
  expect((await fairlead('jobs', 'cancel', 'orders', b)).err).toContain(`orders has no job ${b}`);
  expect((await fairlead('jobs', 'resume', 'orders', 'expire-order')).out).toBe('orders: expire-order goes on.\n');
  await eventually(
    async () => ((await fairlead('jobs', 'show', 'orders', a)).err.includes('has no job') ? true : undefined),
    'the redriven job to be done',
  );
  expect((await fairlead('logs', 'control')).out).toContain(
    `Job cancelled audit={"action":"job.cancel","service":"orders","target":"${b}"}`,
  );
});

interface SagaRun {
  readonly id: string;
  readonly status: string;
  readonly journal: readonly { readonly kind: string; readonly name: string }[];
}

test('views are listed, and built anew beside what is read', async () => {
  interface Views {
    readonly items: readonly {
      readonly name: string;
      readonly reading: number;
      readonly builds: readonly { state: string }[];
    }[];
  }
  const sales = async () =>
    (await asJson<Views>('views', 'list', 'orders')).items.find(({ name }) => name === 'order-sales');
  const first = await eventually(async () => {
    const found = await sales();
    return found?.builds.some(({ state }) => state === 'live') === true ? found : undefined;
  }, 'the first build');
  expect((await fairlead('views', 'list')).out).toMatch(/orders order-sales +projection +1\.\d+ +live, read/);
  expect((await fairlead('views', 'rebuild', 'orders', 'order-sales')).out).toContain('is being built anew as build');
  await eventually(async () => ((await sales())?.reading ?? 0) > first.reading || undefined, 'the new build');
  expect((await fairlead('views', 'rebuild', 'orders', 'order-sale')).err).toContain('Did you mean "order-sales"?');
});

test('sagas are listed, shown, replayed, cancelled and resolved', async () => {
  await setFaults(shop, { failNext: 1_000 });
  const { id } = (await asJson<Outcome>('call', 'orders.placeOrder', ANCHOR, ...ADA)).body;
  const runOf = (): Promise<SagaRun> => asJson<SagaRun>('saga', 'show', 'orders', 'checkout', id);
  const asked = (run: SagaRun) => run.journal.some(({ name }) => name === 'charge');
  await eventually(async () => (asked(await runOf()) ? true : undefined), 'the order to ask for its charge');
  const waiting = await fairlead('saga', 'list', 'orders', '--saga', 'checkout');
  expect(waiting.out).toMatch(new RegExp(`orders +checkout +${id} +(running|waiting) +acme`));
  const shown = await fairlead('saga', 'show', 'orders', 'checkout', id);
  expect(shown.out).toMatch(/transaction +reserve/);
  expect(shown.out).toContain(`input   {"orderId":"${id}"}`);

  const platform = fileURLToPath(new URL('../examples/shop/platform.ts', import.meta.url));
  const history = join(dataDir, 'history.json');
  await writeFile(history, JSON.stringify(await runOf()));
  expect(await run('saga', 'replay', history, '--platform', platform)).toEqual({
    code: 0,
    out: "1 of 1 run can go on by today's code.\n",
    err: '',
  });
  const other = (await readFile(history, 'utf8')).replaceAll('"name":"charge"', '"name":"pay"');
  await writeFile(history, other);
  const differs = await run('saga', 'replay', history, '--platform', platform);
  expect(differs.code).toBe(1);
  expect(differs.err).toContain(`checkout ${id}`);
  expect(differs.err).toContain('pay');

  expect((await fairlead('saga', 'retry', 'orders', 'checkout', id)).code).toBe(1);
  const cancelled = await fairlead('saga', 'cancel', 'orders', 'checkout', id, '--reason', 'by hand');
  expect(cancelled).toMatchObject({ code: 0, err: '' });
  await eventually(
    async () => ((await runOf()).status === 'compensated' ? true : undefined),
    'what it has done to be taken back',
  );
  await setFaults(shop, { failNext: 0 });
  await eventually(async () => {
    const entries = (await ledger(shop, id)).map(({ type }) => type);
    return entries.join(' ') === '' || entries.join(' ') === 'charge refund' ? true : undefined;
  }, 'billing to have nothing of it');
  expect((await fairlead('saga', 'resolve', 'orders', 'checkout', id, '--note', 'x')).err).toContain('It has ended.');
  expect((await fairlead('saga', 'show', 'orders', 'checkout', 'nobody')).err).toContain('has no run nobody');
  expect((await fairlead('logs', 'control')).out).toContain(
    `Saga cancelled audit={"action":"saga.cancel","service":"orders","target":"checkout ${id}"`,
  );
});
