import { setTimeout as sleep } from 'node:timers/promises';
import { must, short, showSingleCharge, since, type Stage } from '../stage.ts';

/** How long billing takes to book a charge, and how much of that passes before the kill, in milliseconds. */
const LATENCY_MS = 3_000;
const BEFORE_KILL_MS = 800;
const ROUNDS = 3;

/**
 * `kill -9` of payments between asking billing and hearing its answer. That it really was in between is measured: what
 * billing books less than its latency after the kill, it was asked before the kill.
 */
export async function killedPaymentsChargesOnce(stage: Stage): Promise<void> {
  const { customer, narrator } = stage;
  narrator.scene('killed-payments', 'payments is killed with kill -9 while billing charges: one charge all the same');
  await customer.setFaults({ latencyMs: LATENCY_MS });
  narrator.say(`PUT /faults {"latencyMs":${LATENCY_MS}} at billing`);
  try {
    for (let round = 1; ; round += 1) {
      if (await killInTheMiddle(stage)) return;
      must(round < ROUNDS, `payments could be killed between its question and its answer in one of ${ROUNDS} rounds`);
    }
  } finally {
    if (!stage.signal.aborted) await customer.setFaults({ latencyMs: 0 });
  }
}

/** One order; false when the kill came too early, or would have come too late, to show anything. */
async function killInTheMiddle(stage: Stage): Promise<boolean> {
  const { customer, narrator, shop, signal } = stage;
  const payments = async () => (await shop.instances()).find(({ name }) => name === 'payments');
  // Asked before: the command takes a while where there is much to do.
  const victim = await payments();
  must(typeof victim?.pid === 'number', 'payments runs');
  const { order } = await customer.place('BOLLARD-A', 1);
  narrator.say(`POST /orders: order ${short(order.id)}, ${order.status}`, { orderId: order.id });
  await customer.watch(
    order.id,
    ({ history }) => history.some(({ type }) => type === 'reserved'),
    () => {},
  );
  await sleep(BEFORE_KILL_MS, undefined, { signal });
  if ((await customer.charges(order.id)).length > 0) {
    narrator.say('Billing has booked the charge already; once more.');
    return false;
  }
  process.kill(victim.pid, 'SIGKILL');
  const killedMs = performance.now();
  narrator.say(`kill -9 ${victim.pid} (payments); billing has booked nothing yet`, { pid: victim.pid });

  while ((await customer.charges(order.id)).length === 0) await sleep(25, undefined, { signal });
  const askedBefore = performance.now() - killedMs < LATENCY_MS;
  const { status } = await customer.order(order.id);
  if (askedBefore)
    narrator.say(`after ${since(killedMs)}: billing books what it was asked before the kill; the order is ${status}`);
  const ended = await customer.watch(
    order.id,
    (now) => now.status === 'confirmed',
    () => {},
  );
  const successor = await payments();
  must(successor?.pid !== victim.pid, 'payments runs again, as another process');
  if (!askedBefore) {
    narrator.say('The kill came before payments had asked billing; once more.');
    return false;
  }
  narrator.say(
    `after ${since(killedMs)}: ${ended.status}; payments runs again as ${successor?.pid} and has asked once more, under the same key`,
    {
      pid: successor?.pid,
      status: ended.status,
    },
  );
  await showSingleCharge(stage, ended);
  return true;
}
