import { resolve } from 'node:path';
import { realClock, realLoopDelay, realRandom, type Closeable } from '@fairlead/core';
import {
  atPort,
  followSnapshot,
  loadSnapshot,
  redisStores,
  startStandalone,
  swapHistory,
  type Engine,
} from '@fairlead/proxy/standalone';
import { createTelemetry, gatheredLines, otlpTarget, samplingEnvironment } from '@fairlead/telemetry';
import { command } from '../../command.ts';
import { toggle } from '../../flag.ts';
import { adminFlags, startAdmin, type Operated } from './admin-of-run.ts';
import { fileOf, lookAt } from './configuration-file.ts';
import { portFlag, redisFlag, redisUrl, workersFlag, type RunFlags } from './run-flags.ts';
import { told } from './told.ts';
import { GRACE_MS, untilAsked } from './until-asked.ts';

/** Closes what is open already when what comes next fails. */
function closing(followed: Closeable, engine: Engine): (error: unknown) => Promise<never> {
  return async (error) => {
    await followed.close();
    await engine.close({ graceMs: 0 });
    throw error;
  };
}

/**
 * `fairlead gateway run`: runs a configuration until it is asked to stop, and follows its file. The first Ctrl-C or SIGTERM
 * drains and exits with 0, a second one ends at once; SIGHUP loads the file now. With `--workers` it does the same from several
 * processes, and SIGUSR2 replaces them.
 */
export const run = command<RunFlags>({
  name: 'run',
  summary: 'Run a configuration of the gateway, and take it anew whenever its file changes',
  flags: {
    port: portFlag,
    ...adminFlags,
    workers: workersFlag,
    redis: redisFlag,
    json: toggle('print one JSON object a line instead of sentences'),
  },
  positionals: [fileOf],
  examples: [
    'fairlead gateway run gateway.yaml',
    'fairlead gateway run gateway.yaml --port 8080 --json',
    'fairlead gateway run gateway.yaml --admin 9090',
    'fairlead gateway run gateway.yaml --admin 9090 --admin-credential token.txt --admin-audit audit.jsonl',
    'fairlead gateway run gateway.yaml --workers auto',
    'fairlead gateway run gateway.yaml --redis env:REDIS_URL',
  ],
  async run(terminal, flags, [file = '']) {
    if (flags.workers !== undefined) {
      const { runWorkers } = await import('./run-workers.ts');
      return runWorkers(terminal, { ...flags, workers: flags.workers }, file);
    }
    const clock = realClock();
    const random = realRandom();
    const path = resolve(terminal.cwd, file);
    const load = async () => atPort(await loadSnapshot(path, { clock, origin: file }), flags.port);
    let snapshot = await load();
    await using telemetry = createTelemetry({
      service: 'gateway',
      clock,
      random,
      // Nobody else can ask for them.
      processMetrics: flags.admin !== undefined,
      destination: gatheredLines({ write: (lines) => terminal.err(lines), clock }),
      logFormat: terminal.interactive ? 'pretty' : 'json',
      otlp: otlpTarget(terminal.env),
      ...samplingEnvironment(terminal.env),
    });
    const url = redisUrl(flags.redis, terminal.env);
    await using redis = url === undefined ? undefined : await redisStores(url, telemetry.log);
    const { delayMs: loopDelayMs } = realLoopDelay();
    const { limits, sharedCache } = redis ?? {};
    const engine = await startStandalone({ snapshot, clock, random, telemetry, limits, sharedCache, loopDelayMs });
    const history = swapHistory(snapshot, clock);
    const says = told(terminal, flags);
    const followed = await followSnapshot({
      hash: snapshot.hash,
      clock,
      look: () => lookAt(path),
      load,
      async take(next) {
        await engine.swap(next);
        snapshot = next;
      },
      onEvent(event) {
        history.note(event);
        says.followed(event, engine);
      },
    });
    const operated: Operated = async () => {
      const { LocalGateway, oneProcess } = await import('@fairlead/proxy');
      const gateway = new LocalGateway({
        engine,
        snapshot: () => snapshot,
        history,
        metrics: telemetry.metrics,
        clock,
        reload: () => followed.reload(),
      });
      return { clock, random, telemetry, processes: oneProcess(gateway) };
    };
    await using admin = await startAdmin(terminal, flags, operated).catch(closing(followed, engine));

    return await untilAsked({
      reload: () => followed.reload(),
      begun: () => says.listening(engine, snapshot, admin?.url),
      async drain() {
        says.draining();
        await followed.close();
        await engine.close({ graceMs: GRACE_MS });
      },
    });
  },
});
