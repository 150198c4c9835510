// The shop in one process, as `startSingle` runs it; says when it is ready and ends when it is interrupted.

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSingle } from '@fairlead/control';
import { loadPlatform } from '@fairlead/platform';

const blueprint = fileURLToPath(new URL('../../examples/shop/platform.ts', import.meta.url));
const { values } = parseArgs({
  options: { 'data-dir': { type: 'string' }, 'gateway-port': { type: 'string' }, 'admin-port': { type: 'string' } },
});
const platform = await startSingle(await loadPlatform(blueprint), {
  dataDir: values['data-dir'] ?? '',
  gatewayPort: Number(values['gateway-port']),
  adminPort: Number(values['admin-port']),
});
process.once('SIGINT', () => void platform.close().then(() => process.exit(0)));
console.log(JSON.stringify({ event: 'ready' }));
