import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSingle } from '@fairlead/control';
import { loadPlatform } from '@fairlead/platform';
import { shopSuite } from './shop/suite.ts';

const blueprint = fileURLToPath(new URL('../examples/shop/platform.ts', import.meta.url));

shopSuite('in one process', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'fairlead-single-'));
  const platform = await startSingle(await loadPlatform(blueprint), { dataDir, gatewayPort: 0, adminPort: 0 });
  return {
    gatewayUrl: platform.gatewayUrl,
    adminUrl: platform.adminUrl,
    billingUrl: platform.endpoints['billing'] ?? '',
    dataDir,
    async [Symbol.asyncDispose]() {
      await platform.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
});
