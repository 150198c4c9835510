import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPlatform } from '@fairlead/platform';
import { expect, test } from 'vitest';
import { startProcesses } from './start-processes.ts';
import { startSingle } from './start-single.ts';

const shop = await loadPlatform(join(import.meta.dirname, '..', '..', '..', 'examples', 'shop', 'platform.ts'));

test.each([
  ['processes', startProcesses],
  ['one process', startSingle],
])('a sampler that does not exist is refused before anything is started, as %s', async (_, start) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'groundwork-'));
  try {
    const env = { OTEL_TRACES_SAMPLER: 'alwayson' };
    await expect(start(shop, { dataDir, gatewayPort: 0, adminPort: 0, env })).rejects.toMatchObject({
      code: 'MISCONFIGURED',
      message: 'OTEL_TRACES_SAMPLER is "alwayson". Did you mean "always_on"?',
    });
    expect(await readdir(dataDir)).toEqual([]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
