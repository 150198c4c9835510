import { setTimeout as sleep } from 'node:timers/promises';
import { fairlead } from '../command.ts';
import { must, short, showSingleCharge, since, type Stage } from '../stage.ts';

/** More failures than there will be attempts, in the time that the scene lets them go on. */
const FAILURES = 100;
const FAILING_MS = 300;

/** Billing answers 503 for a while: it is left alone, the order waits, its event is tried again, and it ends well. */
export async function failingBillingIsWaitedFor(stage: Stage): Promise<void> {
  const { customer, narrator, signal } = stage;
  narrator.scene('failing-billing', 'Billing fails: the order waits, then finishes');
  await customer.setFaults({ failNext: FAILURES });
  narrator.say(`PUT /faults {"failNext":${FAILURES}} at billing`);
  const { order, traceId } = await customer.place('LANTERN', 1);
  const startMs = performance.now();
  narrator.say(`POST /orders: order ${short(order.id)}, ${order.status}`, { orderId: order.id });
  await customer.watch(
    order.id,
    ({ history }) => history.some(({ type }) => type === 'reserved'),
    (entry) => narrator.say(`after ${since(startMs)}: ${entry}`, { entry }),
  );
  const failed = await failedCharges(stage, traceId);
  await sleep(FAILING_MS, undefined, { signal });
  const waiting = await customer.order(order.id);
  must(waiting.status === 'pending', 'an order that billing refuses to charge stays pending');
  must((await customer.charges(order.id)).length === 0, 'billing has booked nothing while it fails');
  narrator.say(`after ${since(startMs)}: still ${waiting.status}; billing has failed (${failed}) and booked nothing`, {
    status: waiting.status,
    failed,
  });
  const held = await heldCalls(stage);
  narrator.say(`fairlead status: payments → billing held back, ${held}`, { held });
  await customer.setFaults({ failNext: 0 });
  narrator.say('PUT /faults {"failNext":0}: billing is well again');
  const ended = await customer.watch(
    order.id,
    ({ status }) => status === 'confirmed',
    () => {},
  );
  narrator.say(`after ${since(startMs)}: ${ended.status}`, { status: ended.status });
  await showSingleCharge(stage, ended);
}

/** Why payments' policy holds calls to billing back, as soon as it does. */
async function heldCalls({ shop, signal }: Stage): Promise<string> {
  for (;;) {
    const told = await fairlead(['status', '--json', '--data-dir', shop.dataDir], signal);
    // What the command prints with --json.
    const { policies } = JSON.parse(told) as {
      policies?: { items: readonly { service: string; target: string; trouble?: string }[] };
    };
    const held = policies?.items.find(({ service, target }) => service === 'payments' && target === 'billing')?.trouble;
    if (held?.startsWith('breaker open') === true) return held;
    await sleep(200, undefined, { signal });
  }
}

/** What the trace says of a call to billing that failed, as soon as it says it. */
async function failedCharges({ shop, signal }: Stage, traceId: string): Promise<string> {
  for (;;) {
    const tree = await fairlead(['trace', traceId, '--data-dir', shop.dataDir], signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return '';
    });
    const failure = /billing\.charge error: (.*)/.exec(tree)?.[1];
    if (failure !== undefined) return failure.trim();
    await sleep(200, undefined, { signal });
  }
}
