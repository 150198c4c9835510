/**
 * The control process. `FAIRLEAD_CONTROL_CONFIG` names a JSON file (see `ControlConfig`); the supervisor pushes the
 * instances' states over IPC. SIGTERM, or the supervisor's end, drains and ends it; SIGINT is the supervisor's affair.
 */
import { readFileSync } from 'node:fs';
import { realClock, realRandom } from '@fairlead/core';
import { serveAdmin } from './plane/admin-server.ts';
import { auditLine, type AuditEntry } from './plane/audit.ts';
import { collectorOf } from './plane/collector.ts';
import { openControlPlane } from './plane/control-plane.ts';
import { serveInternal } from './plane/internal-server.ts';
import type { ControlConfig } from './control-config.ts';
import type { InstanceStatus } from './running-platform.ts';

const file = process.env['FAIRLEAD_CONTROL_CONFIG'];
if (file === undefined) {
  process.stderr.write(
    'FAIRLEAD_CONTROL_CONFIG is not set: it names the JSON file that the control process reads. "fairlead up" starts it.\n',
  );
  process.exit(1);
}

// The supervisor writes this file, into a folder that only this user may enter.
const config = JSON.parse(readFileSync(file, 'utf8')) as ControlConfig;

function tell(level: 'warn' | 'error', msg: string, about: unknown): void {
  const error = about instanceof Error ? (about.stack ?? about.message) : about;
  process.stderr.write(`${JSON.stringify({ level, service: 'control', msg, error })}\n`);
}

const onInternal = (error: unknown): void => tell('error', 'A request failed inside', error);

const audit = (entry: AuditEntry): void => void process.stdout.write(`${auditLine(entry, realClock().now())}\n`);

const forwarder = collectorOf({
  env: config.collector,
  clock: realClock(),
  random: realRandom(),
  tell: (message, about) => tell('warn', message, about),
});
const plane = await openControlPlane({
  ...config,
  ...(forwarder && { onExport: (resourceSpans) => forwarder.forward(resourceSpans) }),
});
const internal = await serveInternal(plane, { socketPath: config.socketPath, onInternal });
const admin = await serveAdmin(plane, { port: config.adminPort, credential: config.credential, onInternal, audit });

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  const closed = Promise.all([admin.close({ graceMs: 2_000 }), internal.close({ graceMs: 2_000 })]).then(() =>
    forwarder?.close({ graceMs: 2_000 }),
  );
  closed.then(
    () => process.exit(0),
    () => process.exit(1),
  );
}

process.on('message', (message: unknown) => {
  if (typeof message !== 'object' || message === null || !('type' in message)) return;
  // Only the supervisor holds the other end of this channel.
  if (message.type === 'instances' && 'instances' in message) plane.setInstances(message.instances as InstanceStatus[]);
});
process.on('SIGTERM', end);
process.on('SIGINT', () => undefined);
process.on('disconnect', end);
process.send?.({ type: 'ready', url: admin.url });
