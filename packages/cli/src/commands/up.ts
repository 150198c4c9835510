import { resolve } from 'node:path';
import { startProcesses, startSingle, type RunningPlatform } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { loadPlatform, type PlatformModel } from '@fairlead/platform';
import { command } from '../command.ts';
import { commandsToTry } from '../commands-to-try.ts';
import { jsonDisplay, plainDisplay, type Display } from '../event-lines.ts';
import { choice, port, toggle, UsageError, words } from '../flag.ts';
import { liveTable } from '../live-table.ts';
import { platformFlag } from '../platform-flag.ts';
import { dataDirFlag } from '../running.ts';
import { stopRequests } from '../stop-requests.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `up`. */
interface UpFlags {
  readonly platform: string;
  readonly topology: 'processes' | 'single';
  readonly only: readonly string[];
  readonly watch: boolean;
  readonly json: boolean;
  readonly gatewayPort: number;
  readonly adminPort: number;
  readonly dataDir: string;
  readonly verbose: boolean;
}

/** How long each kind of process may take to drain, in milliseconds. */
const GRACE_MS = 5_000;

function displayOf(terminal: Terminal, flags: UpFlags, model: PlatformModel): Display {
  const { verbose } = flags;
  const commands = (platform: RunningPlatform): readonly string[] => commandsToTry(model, platform, flags.dataDir);
  if (flags.json) return jsonDisplay(terminal, verbose);
  if (terminal.interactive) return liveTable(terminal, { title: model.name, verbose, commands });
  return plainDisplay(terminal, { verbose, commands });
}

/**
 * `fairlead up`: runs the platform until it is asked to stop. The first Ctrl-C (or SIGTERM, SIGHUP) drains and exits with
 * 0; a second one ends everything at once, still leaving nothing, and exits with 130.
 */
export const up = command<UpFlags>({
  name: 'up',
  summary: 'Run the platform on this machine',
  flags: {
    platform: platformFlag,
    topology: choice('a process each, or all services in one', ['processes', 'single'], 'processes'),
    only: words('start only these services, and those that they call', 'services'),
    watch: toggle('start again just what has loaded a file that changes'),
    json: toggle('print one JSON object a line instead of a table'),
    gatewayPort: port('TCP port of the gateway', 8080),
    adminPort: port('TCP port of the admin API', 8081),
    dataDir: dataDirFlag,
    verbose: toggle('also say how long each stage of the start took'),
  },
  examples: [
    'fairlead up',
    'fairlead up --platform examples/shop/platform.ts',
    'fairlead up --watch',
    'fairlead up --only orders,payments',
    'fairlead up --topology single',
    'fairlead up --gateway-port 0 --admin-port 0 --json',
  ],
  async run(terminal, flags) {
    const single = flags.topology === 'single';
    if (single && flags.watch)
      throw new UsageError(
        '--watch needs --topology processes: one process has loaded every file, and nothing could be left running',
      );
    const clock = realClock();
    const began = clock.monotonic();
    const stop = stopRequests(terminal.env, clock);
    try {
      const model = await loadPlatform(resolve(terminal.cwd, flags.platform));
      const display = displayOf(terminal, flags, model);
      display.event({ event: 'stage', stage: 'blueprint', durationMs: clock.monotonic() - began });
      let platform: RunningPlatform;
      try {
        platform = await (single ? startSingle : startProcesses)(model, {
          dataDir: resolve(terminal.cwd, flags.dataDir),
          gatewayPort: flags.gatewayPort,
          adminPort: flags.adminPort,
          ...(terminal.env['POSTGRES_URL'] === undefined ? {} : { postgresUrl: terminal.env['POSTGRES_URL'] }),
          env: terminal.env,
          only: flags.only,
          watch: flags.watch,
          signal: stop.first,
          onEvent: (event) => display.event(event),
        });
      } catch (error) {
        if (!stop.first.aborted) throw error;
        display.stopped();
        return 0;
      }
      display.ready(platform, clock.monotonic() - began);
      await stop.asked;
      display.stopping();
      const drained = platform.close({ graceMs: GRACE_MS });
      const forced = await Promise.race([drained.then(() => false), stop.askedAgain.then(() => true)]);
      if (forced) await platform.close({ graceMs: 0 });
      display.stopped();
      return forced ? 130 : 0;
    } finally {
      stop.dispose();
    }
  },
});
