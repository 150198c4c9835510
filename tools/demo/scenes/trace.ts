import { setTimeout as sleep } from 'node:timers/promises';
import { fairlead } from '../command.ts';
import { short, type Stage } from '../stage.ts';

const SERVICES = ['gateway', 'orders', 'catalog', 'inventory', 'payments', 'notifications'];

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
    // Spans travel in batches: the tree is whole when the last service has spoken.
    if (SERVICES.every((name) => tree.includes(name))) {
      narrator.quote(tree);
      return;
    }
    await sleep(200, undefined, { signal });
  }
}
