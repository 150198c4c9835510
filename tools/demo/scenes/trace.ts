import { setTimeout as sleep } from 'node:timers/promises';
import { fairlead } from '../command.ts';
import { short, type Stage } from '../stage.ts';

/** What ends the branches of the tree. Spans travel in batches: it is whole when all of these are there. */
const ENDS = [
  'catalog SELECT',
  'payments billing.charge',
  'payments transaction',
  'inventory process orders order.confirmed',
  'notifications process orders order.confirmed',
];

/** The whole way of that order as `fairlead trace` shows it. */
export async function traceIsATree(stage: Stage, traceId: string): Promise<void> {
  const { narrator, shop, signal } = stage;
  narrator.scene('trace', `Its way through the platform: fairlead trace ${short(traceId)}`);
  for (;;) {
    const tree = await fairlead(['trace', traceId, '--data-dir', shop.dataDir], signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      // No span of it has arrived yet.
      return '';
    });
    if (ENDS.every((span) => tree.includes(span))) {
      narrator.quote(tree);
      return;
    }
    await sleep(200, undefined, { signal });
  }
}
