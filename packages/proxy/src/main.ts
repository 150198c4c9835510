// The gateway as a process. Environment:
//   FAIRLEAD_GATEWAY_CONFIG      JSON file (see platform/config.ts)
//   FAIRLEAD_INSTANCE            name of this instance in telemetry; default none
//   OTEL_EXPORTER_OTLP_ENDPOINT  where spans go: http(s):// or unix:/path; default nowhere
//   OTEL_TRACES_SAMPLER          which traces are recorded, FAIRLEAD_ACCESS_LINES which lines are written; see telemetry
// Sends { type: 'ready', url } over IPC when it listens. SIGTERM or the end of IPC drains; a second one ends at once. { type: 'leave' }
// lets it end in favour of another process at the same address (see fleet/workers.ts).
import { realClock, realLoopDelay, realRandom } from '@fairlead/core';
import { createTelemetry, otlpTarget, samplingEnvironment } from '@fairlead/telemetry';
import { isLeave } from './fleet/workers.ts';
import { readGatewayConfig } from './platform/config.ts';
import { startGateway } from './platform/gateway.ts';

const GRACE_MS = 5_000;

const clock = realClock();
const random = realRandom();
const { FAIRLEAD_GATEWAY_CONFIG, FAIRLEAD_INSTANCE } = process.env;
const telemetry = createTelemetry({
  service: 'gateway',
  instance: FAIRLEAD_INSTANCE || undefined,
  clock,
  random,
  processMetrics: true,
  otlp: otlpTarget(process.env),
  ...samplingEnvironment(process.env),
});
const supervised = process.send !== undefined;

/** Logs a failure that nothing can mend and ends with 1. */
async function die(message: string, error: unknown): Promise<never> {
  telemetry.log.error(undefined, message, { error });
  await telemetry.close({ graceMs: 1_000 });
  process.exit(1);
}

const ports = { telemetry, clock, random, loopDelayMs: realLoopDelay().delayMs };
const starting = readGatewayConfig(FAIRLEAD_GATEWAY_CONFIG, ports).then(startGateway);

let asked = false;
function end(why: string, isReplaced = false): void {
  if (asked) process.exit(1);
  asked = true;
  telemetry.log.info(undefined, 'draining', { why });
  starting
    .then((gateway) => gateway.close({ graceMs: GRACE_MS, isReplaced }))
    .then(() => telemetry.close({ graceMs: 1_000 }))
    .then(
      () => process.exit(0),
      (error: unknown) => die('could not end in order', error),
    );
}

process.on('SIGTERM', () => end('SIGTERM'));
process.on('SIGINT', () => {
  // Ctrl-C reaches the whole process group; under a supervisor it is the supervisor who says when to end.
  if (!supervised) end('SIGINT');
});
process.on('message', (message) => {
  if (isLeave(message)) end('another process has taken its place', true);
});
if (supervised) process.on('disconnect', () => end('the supervisor is gone'));

starting.then(
  (gateway) => {
    telemetry.log.info(undefined, 'listening', { url: gateway.url });
    if (process.connected) process.send?.({ type: 'ready', url: gateway.url });
  },
  (error: unknown) => die('the gateway could not start', error),
);
