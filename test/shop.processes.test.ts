import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shopSuite } from './shop/suite.ts';
import { RunningShop } from './shop/up.ts';

shopSuite('as processes', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'fairlead-shop-'));
  const shop = await new RunningShop(dataDir).start();
  const stop = shop[Symbol.asyncDispose].bind(shop);
  return Object.assign(shop, {
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  });
});
