// What the platform does, shown on the shop by its public command and its HTTP alone. `scenes/` holds what is shown, in
// the order of their imports here; `shop.ts` starts or finds the shop, `customer.ts` asks it, `narrator.ts` prints,
// `stage.ts` is what scenes share, `command.ts` runs `fairlead`.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Customer } from './customer.ts';
import { jsonNarrator, spokenNarrator } from './narrator.ts';
import { tokenIsMinted } from './scenes/token.ts';
import { orderIsConfirmed } from './scenes/order.ts';
import { traceIsATree } from './scenes/trace.ts';
import { failingBillingIsWaitedFor } from './scenes/failing-billing.ts';
import { killedPaymentsChargesOnce } from './scenes/killed-payments.ts';
import { runningShop, temporaryShop } from './shop.ts';
import { since } from './stage.ts';

/** The demo gives up after this, in milliseconds, and still cleans up: several times what a busy laptop needs. */
const LIMIT_MS = 240_000;
const USAGE = `npm run demo [-- --data-dir <folder>] [-- --json]

  --data-dir <folder>  play on the shop that runs on this data directory (npm start: .fairlead); default: one of its own
  --json               one JSON object a line
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { 'data-dir': { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const narrator = values.json === true ? jsonNarrator(process.stdout) : spokenNarrator(process.stdout);
  const startMs = performance.now();
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(LIMIT_MS)]);
  const dataDir = values['data-dir'];

  try {
    narrator.say(dataDir === undefined ? 'Starting the shop on free ports …' : `Looking for the shop on ${dataDir} …`);
    {
      await using shop = await (dataDir === undefined ? temporaryShop(signal) : runningShop(resolve(dataDir), signal));
      const running = (await shop.instances()).filter(({ state }) => state === 'ready');
      narrator.say(`${running.length} processes ready after ${since(startMs)}, the gateway at ${shop.gatewayUrl}`, {
        gateway: shop.gatewayUrl,
      });
      const customer = new Customer(shop, await tokenIsMinted(shop, narrator, signal), signal);
      const stage = { shop, customer, narrator, signal };
      const traceId = await orderIsConfirmed(stage);
      await traceIsATree(stage, traceId);
      await failingBillingIsWaitedFor(stage);
      await killedPaymentsChargesOnce(stage);
    }
    const after = dataDir === undefined ? 'Nothing is left of it.' : 'The shop goes on.';
    narrator.end(true, `All of it was so, in ${since(startMs)}. ${after}`);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      narrator.end(false, 'Interrupted.');
      return 130;
    }
    const reason = signal.aborted
      ? `it took longer than ${LIMIT_MS / 1_000} s`
      : String(error instanceof Error ? error.message : error);
    narrator.end(false, `The demo failed: ${reason}`);
    return 1;
  }
}

process.exitCode = await main();
