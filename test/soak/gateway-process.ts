// The gateway of a soak, as a process of its own: `node --expose-gc gateway-process.ts`, spoken to over IPC. It swaps its
// snapshot every few seconds, and says what it holds when it is asked.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock, realRandom } from '@fairlead/core';
import { testCertificate } from '@fairlead/net/testing';
import { loadSnapshot, startEngine } from '@fairlead/proxy';
import { createTelemetry } from '@fairlead/telemetry';
import { TENANTS } from './clients.ts';
import type { Asked, Told } from './gateway-messages.ts';

const SWAP_EVERY_MS = 3_000;
/** So often there is a new certificate, in snapshots. */
const RENEW_EVERY = 10;
const GRACE_MS = 10_000;
/** Each tenant's key is its name. */
const consumers = TENANTS.map((name) => ({
  name,
  tenant: name,
  keys: [`sha256:${createHash('sha256').update(name).digest('hex')}`],
}));

const { FAIRLEAD_SOAK_ORIGIN: origin = '', FAIRLEAD_SOAK_LEAK: leak } = process.env;
const clock = realClock();
const random = realRandom();
const telemetry = createTelemetry({ service: 'soak', clock, random, destination: { write: () => {} } });
const folder = mkdtempSync(join(tmpdir(), 'fairlead-soak-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const authority = testCertificate({ subject: 'soak', isAuthority: true });
const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
let version = 0;

function renew(): void {
  const made = testCertificate({ names: ['soak.test'], issuer: authority });
  writeFileSync(certificate, made.cert);
  writeFileSync(key, made.key);
}

/** Another snapshot each time: routes, filters, a cluster and a policy come and go. */
function nextSnapshot() {
  version += 1;
  const isOdd = version % 2 === 1;
  const cluster = isOdd ? 'origin' : 'other';
  if (version % RENEW_EVERY === 1) renew();
  const written = {
    listeners: [
      { name: 'web', address: '127.0.0.1:0', http2: true },
      { name: 'tls', address: '127.0.0.1:0', http2: true, tls: { certificate, key } },
    ],
    filters: [
      { type: 'headers', request: { set: { 'x-version': `v${version}` } } },
      ...(isOdd ? [{ type: 'ip', allow: ['127.0.0.0/8'] }] : [{ type: 'rate-limit', by: 'ip', rates: ['1000000/s'] }]),
    ],
    routes: [
      { name: 'bad', match: { path: '/bad' }, to: 'bad', timeout: '60s' },
      {
        name: 'text',
        match: { path: '/text' },
        to: cluster,
        timeout: '60s',
        filters: [{ type: 'compress' }],
      },
      {
        name: 'kept',
        match: { path: '/kept' },
        to: cluster,
        timeout: '60s',
        // Small enough to be full within a minute.
        filters: [{ type: 'cache', zone: 'kept', store: { memory: '4MiB' } }],
      },
      {
        name: 'composed',
        match: { path: '/composed' },
        timeout: '60s',
        filters: [
          {
            type: 'compose',
            path: '/composed/{id}',
            parts: {
              order: { to: cluster, path: '/part/{path:id}', at: '' },
              payment: { to: cluster, path: '/part/{path:id}' },
              missing: { to: 'bad', path: '/bad/now', optional: true },
            },
          },
        ],
      },
      {
        name: 'asked',
        match: { path: '/asked' },
        to: cluster,
        timeout: '60s',
        filters: [{ type: 'ext-auth', cluster, path: '/verify', timeout: '30s' }],
      },
      {
        name: 'own',
        match: { path: '/own' },
        to: cluster,
        timeout: '60s',
        filters: [
          { type: 'any-of', of: [{ type: 'api-key', header: 'x-api-key', consumers }] },
          { type: 'headers', request: { set: { 'x-tenant': '{tenant}' } } },
          { type: 'cache', zone: 'own', identified: true, defaultTtl: '1s', store: { memory: '4MiB' } },
        ],
      },
      {
        name: `all-${version % 3}`,
        to: cluster,
        timeout: '60s',
        maxBody: '8MiB',
        policy: 'patient',
      },
    ],
    clusters: {
      bad: { endpoints: [origin], outliers: 'off' },
      ...(isOdd ? { origin: { endpoints: [origin] } } : { other: { endpoints: [origin], balancer: 'least-request' } }),
    },
    policies: { patient: { timeout: { total: isOdd ? '50s' : '55s' } } },
  };
  const file = join(folder, 'gateway.json');
  writeFileSync(file, JSON.stringify(written));
  return loadSnapshot(file, { clock });
}

/** What is kept on purpose, so that a soak can be seen to fail. */
const kept: unknown[] = [];
const engine = await startEngine({
  snapshot: await nextSnapshot(),
  clock,
  random,
  telemetry,
  refusal(facts) {
    if (leak !== undefined) kept.push(facts);
    return undefined;
  },
});

let isEnding = false;
const swapping = (async () => {
  while (!isEnding) {
    await sleep(SWAP_EVERY_MS, undefined, { ref: false });
    if (!isEnding) await engine.swap(await nextSnapshot());
  }
})();

function tell(told: Told): void {
  process.send?.(told);
}

function sample(): void {
  // Twice: what weak references and finalizers hold is let go of between.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  tell({
    kind: 'sample',
    heapBytes: heapUsed + external,
    rssBytes: rss,
    descriptors: descriptors(),
    sockets: resources.filter((name) => /^(?:TCPSocket|TLS)/.test(name)).length,
    timers: resources.filter((name) => name === 'Timeout').length,
    swaps: version,
  });
}

/** Files, sockets and pipes that are open; 0 where the system doesn't say. */
function descriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

async function end(): Promise<void> {
  isEnding = true;
  const begunMs = clock.monotonic();
  await engine.close({ graceMs: GRACE_MS });
  const drainMs = clock.monotonic() - begunMs;
  await telemetry.close();
  // Handles that are closing are gone a turn later.
  await sleep(100);
  const resources = process
    .getActiveResourcesInfo()
    .filter((name) => /^(?:TCP|TLS|HTTP|Timeout|Immediate|GetAddrInfo)/.test(name));
  tell({ kind: 'ended', drainMs, isWhole: drainMs < GRACE_MS, resources });
  process.disconnect();
  await Promise.race([swapping, sleep(0)]);
  process.exit(0);
}

process.on('message', (asked: Asked) => {
  if (asked === 'sample') sample();
  else void end();
});
tell({
  kind: 'ready',
  url: engine.urls.get('web') ?? '',
  tlsUrl: engine.urls.get('tls') ?? '',
  authority: authority.cert,
});
