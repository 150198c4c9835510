// One platform, one process, no real time:
//   world.ts      what a scenario sees          process.ts    a life that can be killed
//   network.ts    delays and losses             transport.ts, database.ts  what crosses it
//   platform.ts   starting services on it       guard.ts      Date, timers and chance taken from everybody
//   trace.ts      all that happened, as a hash
import { FairleadError, realTurn, seededRandom, virtualClock, type VirtualClock } from '@fairlead/core';
import type { PlatformModel } from '@fairlead/platform';
import { guardGlobals } from './guard.ts';
import { network, type FaultOptions } from './network.ts';
import { simulatedPlatform } from './platform.ts';
import { trace } from './trace.ts';
import type { ExternalProvider } from './transport.ts';
import type { World } from './world.ts';

/** What to simulate. */
export interface SimulateOptions {
  readonly platform: PlatformModel;
  /** Everything that is left to chance follows from it. */
  readonly seed: number;
  /** What happens; the simulation ends when it settles. */
  readonly scenario: (world: World) => Promise<void>;
  /** A stand-in for every external of the platform, by name; gets the simulation's clock for its own delays. */
  readonly externals?: Readonly<Record<string, (clock: VirtualClock) => ExternalProvider>>;
  /** Default: delays only. */
  readonly faults?: FaultOptions;
  /** Configuration that services read. Default empty. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the clock shows first, in milliseconds since the epoch. Default 2030-01-01T00:00Z. */
  readonly startMs?: number;
  /** Virtual time after which the simulation is given up, in milliseconds. Default one hour. */
  readonly limitMs?: number;
  /** Keeps the trace as text too, to compare two runs. Default false. */
  readonly keepLines?: boolean;
}

/** What came of a simulation. */
export interface Simulation {
  readonly seed: number;
  /** Equal for equal runs: the same code and seed give the same hash on every machine. */
  readonly hash: string;
  /** How many things happened: statements, calls, answers, commits, losses, deaths. */
  readonly happenings: number;
  /** How long it took in the simulated world. */
  readonly virtualMs: number;
  /** The trace as text, when it was kept. */
  readonly lines: readonly string[];
}

/**
 * Runs a whole platform in this process under virtual time: the services' own code on simulated ports, each with a
 * schema of one in-memory Postgres. Delays, losses and crashes are drawn from `seed`, so a run can be repeated exactly.
 *
 * The service code is what runs everywhere else; what is simulated lies below its ports. Not simulated: lock waits and
 * serialization failures between transactions (the in-memory Postgres runs one at a time), and crashes in the middle
 * of a statement. One simulation at a time in a process.
 *
 * @throws what the scenario throws
 * @throws SIMULATION_STUCK when the scenario waits for something that can't happen any more
 * @throws SIMULATION_LIMIT when `limitMs` of virtual time have passed
 */
export async function simulate(options: SimulateOptions): Promise<Simulation> {
  const { seed, startMs = Date.UTC(2030, 0, 1), limitMs = 3_600_000 } = options;
  const clock = virtualClock({ startMs });
  const random = seededRandom(seed);
  const record = trace({ keepLines: options.keepLines ?? false });
  const wires = network(clock, random.fork('network'), record, options.faults ?? {});

  await using platform = await simulatedPlatform({
    model: options.platform,
    clock,
    random,
    network: wires,
    trace: record,
    env: options.env ?? {},
    externals: Object.fromEntries(
      Object.entries(options.externals ?? {}).map(([name, create]) => [name, create(clock)]),
    ),
  });

  using _guard = guardGlobals(clock, random.fork('globals'));
  const run = { settled: false };
  const scenario = platform.start().then(() => options.scenario(platform.world));
  const settled = () => void (run.settled = true);
  scenario.then(settled, settled);

  for (;;) {
    await realTurn();
    if (run.settled) break;
    if (clock.now() - startMs > limitMs) {
      throw new FairleadError(
        'internal',
        'SIMULATION_LIMIT',
        `simulate: seed ${seed} did not end within ${limitMs} ms of virtual time.`,
      );
    }
    if (!clock.runNext()) {
      throw new FairleadError(
        'internal',
        'SIMULATION_STUCK',
        `simulate: seed ${seed} waits for something that can't happen any more; nothing is scheduled.`,
      );
    }
  }
  await scenario;

  return {
    seed,
    hash: record.hash(),
    happenings: record.count,
    virtualMs: clock.now() - startMs,
    lines: record.lines,
  };
}
