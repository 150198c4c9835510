import { money, must, short, showSingleCharge, since, type Stage } from '../stage.ts';

/** An order from its acceptance to its confirmation. Gives the id of its trace. */
export async function orderIsConfirmed(stage: Stage): Promise<string> {
  const { customer, narrator } = stage;
  narrator.scene('order', 'An order is placed, and confirmed by events');
  const startMs = performance.now();
  const { status, order, traceId } = await customer.place('FAIRLEAD-BR', 2);
  must(order.status === 'pending', 'a new order is pending');
  narrator.say(
    `POST /orders: ${status}, order ${short(order.id)}, ${money(order.totalCents, order.currency)}, ${order.status}`,
    { orderId: order.id, status: order.status },
  );
  const ended = await customer.watch(
    order.id,
    (now) => now.status === 'confirmed',
    (entry) => narrator.say(`after ${since(startMs)}: ${entry}`, { entry }),
  );
  narrator.say(`GET /orders/${short(order.id)}: ${ended.status}`, { status: ended.status });
  await showSingleCharge(stage, ended);
  return traceId;
}
