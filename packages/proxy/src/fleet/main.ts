// A member of a fleet: one of the processes that serve a gateway's addresses together. The first process says by IPC what it is to
// run (fleet-messages.ts). Environment:
//   OTEL_EXPORTER_OTLP_ENDPOINT  where spans go: http(s):// or unix:/path; default nowhere
//   OTEL_TRACES_SAMPLER          which traces are recorded, FAIRLEAD_ACCESS_LINES which lines are written; see telemetry
// SIGTERM or the end of IPC drains; a second one ends at once. `LEAVE` lets it end in favour of another one.
import { FairleadError, realClock, realLoopDelay, realRandom } from '@fairlead/core';
import { createTelemetry, gatheredLines, otlpTarget, samplingEnvironment } from '@fairlead/telemetry';
import type { Ask, QuestionName } from '../admin/gateway-question.ts';
import { LocalGateway } from '../admin/local-gateway.ts';
import { swapHistory } from '../admin/swap-history.ts';
import type { CompiledSnapshot } from '../snapshot/compiled-snapshot.ts';
import { loadSnapshot } from '../snapshot/load-snapshot.ts';
import { redisStores } from '../standalone/redis-stores.ts';
import { startStandalone } from '../standalone/standalone.ts';
import { askedLimits } from './asked-limits.ts';
import { atPort } from './at-port.ts';
import type { FromMember, MemberConfiguration, ToldFailure, ToMember } from './fleet-messages.ts';
import { isLeave, type WorkerReady } from './workers.ts';

const clock = realClock();
const random = realRandom();

/** Resolves when it is on its way. Who has gone away needs not be told. */
function tell(message: FromMember | WorkerReady): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

function failureOf(error: unknown): ToldFailure {
  if (!(error instanceof FairleadError)) return { errorKind: 'internal', code: 'INTERNAL', message: String(error) };
  return { errorKind: error.kind, code: error.code, message: error.message };
}

async function run({ configuration, logFormat, graceMs }: Extract<ToMember, { kind: 'run' }>): Promise<void> {
  const telemetry = createTelemetry({
    service: 'gateway',
    instance: `worker-${process.pid}`,
    clock,
    random,
    processMetrics: true,
    destination: gatheredLines({ write: (lines) => void process.stderr.write(lines), clock }),
    logFormat,
    otlp: otlpTarget(process.env),
    ...samplingEnvironment(process.env),
  });
  const limits = askedLimits(clock, (asks) => void tell({ kind: 'limits', asks }));
  const redis = configuration.redis === undefined ? undefined : await redisStores(configuration.redis, telemetry.log);
  let active = await load(configuration);
  let before = active;
  let loaded: CompiledSnapshot | undefined;
  const engine = await startStandalone({
    snapshot: active,
    clock,
    random,
    telemetry,
    ownLimits: limits,
    limits: redis?.limits ?? limits,
    sharedCache: redis?.sharedCache,
    loopDelayMs: realLoopDelay().delayMs,
  });

  const history = swapHistory(active, clock);
  const { metrics } = telemetry;
  const operated = new LocalGateway({ engine, snapshot: () => active, history, metrics, clock });

  async function swap(next: CompiledSnapshot): Promise<void> {
    await engine.swap(next);
    before = active;
    active = next;
  }

  async function answer(message: Extract<ToMember, { id: number }>): Promise<unknown> {
    switch (message.kind) {
      case 'load':
        loaded = await load({ ...configuration, text: message.text });
        return loaded.hash;
      case 'take':
        if (loaded !== undefined) await swap(loaded);
        return active.hash;
      case 'back':
        await swap(before);
        return active.hash;
      case 'ask':
        // `as`: fleet.ts asks what belongs together.
        return operated.answer(message.name, message.question as Ask<QuestionName>);
      default:
        return message satisfies never;
    }
  }

  let isEnding = false;
  function end(why: string, isReplaced = false): void {
    if (isEnding) process.exit(1);
    isEnding = true;
    telemetry.log.info(undefined, 'draining', { why });
    engine
      .close({ graceMs, isReplaced })
      .then(() => redis?.close())
      .then(async () => tell({ kind: 'counted', metrics: await metrics.exposition() }))
      .then(() => telemetry.close({ graceMs: 1_000 }))
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  }

  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('disconnect', () => end('the first process is gone'));
  process.on('message', (message: unknown) => {
    if (isLeave(message)) return end('another process has taken its place', true);
    // `as`: only fleet.ts is at the other end.
    const asked = message as ToMember;
    if (asked.kind === 'verdicts') return limits.told(asked.verdicts);
    if (asked.kind === 'run') return;
    answer(asked).then(
      (value) => tell({ kind: 'done', id: asked.id, value }),
      (error: unknown) => tell({ kind: 'refused', id: asked.id, ...failureOf(error) }),
    );
  });
  const urls = Object.fromEntries(engine.urls);
  void tell({ kind: 'listening', urls, hash: active.hash });
  void tell({ type: 'ready', url: Object.values(urls)[0] ?? '' });
}

async function load({ file, origin, text, port }: MemberConfiguration): Promise<CompiledSnapshot> {
  return atPort(await loadSnapshot(file, { clock, origin, text }), port);
}

// They reach the whole group; the first process says what they mean.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined);
process.once('message', (message: unknown) => {
  // `as`: only fleet.ts is at the other end, and says this first.
  run(message as Extract<ToMember, { kind: 'run' }>).catch((error: unknown) => {
    void tell({ kind: 'failed', ...failureOf(error) }).then(() => process.exit(1));
  });
});
void tell({ kind: 'hello' });
