import { resolve } from 'node:path';
import { realClock, realRandom } from '@fairlead/core';
import { atPort, followSnapshot, loadSnapshot, readConfiguration, startFleet, swapHistory } from '@fairlead/proxy';
import { createTelemetry } from '@fairlead/telemetry';
import type { Terminal } from '../../terminal.ts';
import { startAdmin } from './admin-of-run.ts';
import { lookAt } from './configuration-file.ts';
import { redisUrl, type RunFlags } from './run-flags.ts';
import { told } from './told.ts';
import { GRACE_MS, untilAsked } from './until-asked.ts';

/** Runs a configuration in several processes; this one starts them, follows the file, and serves nobody but operators. */
export async function runWorkers(
  terminal: Terminal,
  flags: RunFlags & { readonly workers: number },
  file: string,
): Promise<number> {
  const clock = realClock();
  const random = realRandom();
  const path = resolve(terminal.cwd, file);
  const logFormat = terminal.interactive ? 'pretty' : 'json';
  const says = told(terminal, flags);
  let text = '';
  const load = async () => {
    text = await readConfiguration(path);
    return atPort(await loadSnapshot(path, { clock, origin: file, text }), flags.port);
  };
  let snapshot = await load();
  await using telemetry = createTelemetry({
    service: 'gateway',
    clock,
    random,
    processMetrics: true,
    destination: { write: (line) => terminal.err(line) },
    logFormat,
  });
  const fleet = await startFleet({
    configuration: { file: path, origin: file, text, port: flags.port, redis: redisUrl(flags.redis, terminal.env) },
    count: flags.workers,
    logFormat,
    graceMs: GRACE_MS,
    onCrash: ({ pid, how }) => says.crashed(pid, how),
    onMended: ({ pid }) => says.mended(pid),
    clock,
    random,
  });
  const history = swapHistory(snapshot, clock);
  const followed = await followSnapshot({
    hash: snapshot.hash,
    clock,
    look: () => lookAt(path),
    load,
    async take(next) {
      await fleet.take(text, next.hash);
      snapshot = next;
    },
    onEvent(event) {
      history.note(event);
      says.followed(event, fleet);
    },
  });
  const operated = async () => ({
    clock,
    random,
    telemetry,
    processes: fleet.processes({ history, reload: () => followed.reload(), metrics: telemetry.metrics }),
  });
  await using admin = await startAdmin(terminal, flags, operated).catch(async (error: unknown) => {
    await followed.close();
    await fleet.close();
    throw error;
  });
  return await untilAsked({
    reload: () => followed.reload(),
    replace: () =>
      fleet.restart().then(
        () => says.replaced(fleet.pids, undefined),
        (error: unknown) => says.replaced(fleet.pids, error instanceof Error ? error.message : String(error)),
      ),
    begun: () => says.listening(fleet, snapshot, admin?.url),
    async drain() {
      says.draining();
      await followed.close();
      await fleet.close();
    },
    cut: () => fleet.cut(),
  });
}
