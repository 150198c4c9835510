import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { FairleadError, realClock, realRandom, type Closeable } from '@fairlead/core';
import {
  followSnapshot,
  LocalGateway,
  loadSnapshot,
  oneProcess,
  startStandalone,
  swapHistory,
  type CompiledSnapshot,
  type Engine,
  type FollowEvent,
} from '@fairlead/proxy';
import { createTelemetry, otlpTarget, samplingEnvironment } from '@fairlead/telemetry';
import { palette, type Palette } from '../colour.ts';
import { commandGroup } from '../command-group.ts';
import { command } from '../command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { toggle, type Flag, UsageError } from '../flag.ts';
import { counted, table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { adminFlags, startAdmin, type AdminFlags } from './gateway/admin-of-run.ts';
import { check } from './gateway/check.ts';
import { fileOf } from './gateway/configuration-file.ts';
import { key } from './gateway/key.ts';
import { password } from './gateway/password.ts';

/** How long requests under way have, in milliseconds. */
const GRACE_MS = 10_000;

/** Flags of `gateway run`. */
interface RunFlags extends AdminFlags {
  readonly port: number | undefined;
  readonly json: boolean;
}

const portFlag: Flag<number | undefined> = {
  value: 'port',
  summary: 'TCP port of the first listener instead of its own; 0 takes a free one',
  multiple: false,
  read([given]) {
    if (given === undefined) return undefined;
    if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535)
      throw new UsageError(`takes a whole number from 0 to 65535, not "${given}"`);
    return Number(given);
  },
};

/** The same configuration with another port of its first listener. */
function atPort(snapshot: CompiledSnapshot, port: number | undefined): CompiledSnapshot {
  const [first, ...others] = snapshot.listeners;
  if (port === undefined || first === undefined) return snapshot;
  const { address } = first;
  if ('path' in address)
    throw new FairleadError(
      'invalid',
      'MISCONFIGURED',
      `The first listener, ${first.name}, is a Unix socket and has no port. Leave --port out.`,
    );
  return { ...snapshot, listeners: [{ ...first, address: { host: address.host, port } }, ...others] };
}

/** What `gateway run` says of itself: sentences, or objects with `event`. */
interface Told {
  listening(engine: Engine, snapshot: CompiledSnapshot, admin: string | undefined): void;
  followed(event: FollowEvent, engine: Engine): void;
  draining(): void;
}

function told(terminal: Terminal, { json }: RunFlags): Told {
  const colour = palette(terminal.colours);
  const object = (value: object): void => terminal.out(`${JSON.stringify(value)}\n`);
  const line = (text: string): void => terminal.out(`${text}\n`);
  const state = (engine: Engine, { hash, routes }: CompiledSnapshot) => ({
    hash,
    routes: routes.length,
    listeners: Object.fromEntries(engine.urls),
  });
  return {
    listening(engine, snapshot, admin) {
      if (json)
        return object({ event: 'listening', ...state(engine, snapshot), ...(admin === undefined ? {} : { admin }) });
      for (const text of listenerLines(engine, snapshot, colour)) line(text);
      if (admin !== undefined) line(`operators ask at ${admin}: /status, /metrics, /openapi.json …`);
    },
    followed(event, engine) {
      if (event.kind === 'kept') {
        const { error } = event;
        const why = error instanceof Error ? error.message : String(error);
        if (json) object({ event: 'kept', why });
        else terminal.err(`${colour.bad('The configuration that runs stays:')} ${why}\n`);
      } else if (event.kind === 'same') {
        if (json) object({ event: 'same', hash: engine.hash });
        else line('The configuration was written anew and means the same.');
      } else {
        if (json) return object({ event: 'taken', ...state(engine, event.snapshot) });
        const { origin, hash, routes } = event.snapshot;
        line(`${colour.good('Taken:')} ${origin} with ${counted(routes.length, 'route')}, hash ${hash.slice(0, 12)}.`);
      }
    },
    draining() {
      if (json) object({ event: 'draining' });
      else line('Draining: requests under way have 10 s; once more ends it at once.');
    },
  };
}

function listenerLines(engine: Engine, snapshot: CompiledSnapshot, colour: Palette): readonly string[] {
  return table(
    snapshot.listeners.map(({ name }) => [
      colour.strong(name),
      engine.urls.get(name) ?? '',
      counted(snapshot.routes.filter(({ listeners }) => listeners.includes(name)).length, 'route'),
    ]),
  );
}

/** Closes what is open already when what comes next fails. */
function closing(followed: Closeable, engine: Engine): (error: unknown) => Promise<never> {
  return async (error) => {
    await followed.close();
    await engine.close({ graceMs: 0 });
    throw error;
  };
}

/** How a file looks from outside: another text whenever it was written, or another has taken its place. */
async function lookAt(file: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file);
  return `${mtimeMs} ${size} ${ino}`;
}

/**
 * `fairlead gateway run`: runs a configuration until it is asked to stop, and follows its file. The first Ctrl-C or SIGTERM
 * drains and exits with 0, a second one ends at once; SIGHUP loads the file now.
 */
const run = command<RunFlags>({
  name: 'run',
  summary: 'Run a configuration of the gateway, and take it anew whenever its file changes',
  flags: {
    port: portFlag,
    ...adminFlags,
    json: toggle('print one JSON object a line instead of sentences'),
  },
  positionals: [fileOf],
  examples: [
    'fairlead gateway run gateway.yaml',
    'fairlead gateway run gateway.yaml --port 8080 --json',
    'fairlead gateway run gateway.yaml --admin 9090',
    'fairlead gateway run gateway.yaml --admin 9090 --admin-credential token.txt --admin-audit audit.jsonl',
  ],
  async run(terminal, flags, [file = '']) {
    const clock = realClock();
    const random = realRandom();
    const path = resolve(terminal.cwd, file);
    const load = async () => atPort(await loadSnapshot(path, { clock, origin: file }), flags.port);
    let snapshot = await load();
    await using telemetry = createTelemetry({
      service: 'gateway',
      clock,
      random,
      processMetrics: true,
      destination: { write: (text) => terminal.err(text) },
      logFormat: terminal.interactive ? 'pretty' : 'json',
      otlp: otlpTarget(terminal.env),
      ...samplingEnvironment(terminal.env),
    });
    const engine = await startStandalone({ snapshot, clock, random, telemetry });
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
    const gateway = new LocalGateway({
      engine,
      snapshot: () => snapshot,
      history,
      metrics: telemetry.metrics,
      clock,
      reload: () => followed.reload(),
    });
    await using admin = await startAdmin(terminal, flags, {
      clock,
      random,
      telemetry,
      processes: oneProcess(gateway),
    }).catch(closing(followed, engine));

    const asked = Promise.withResolvers<void>();
    const again = Promise.withResolvers<void>();
    let requests = 0;
    const stop = (): void => {
      requests += 1;
      if (requests === 1) asked.resolve();
      else again.resolve();
    };
    const reload = (): void => void followed.reload();
    process.on('SIGINT', stop).on('SIGTERM', stop).on('SIGHUP', reload);
    try {
      // Whoever reads it may ask for anything from now on.
      says.listening(engine, snapshot, admin?.url);
      await asked.promise;
      says.draining();
      await followed.close();
      const drained = engine.close({ graceMs: GRACE_MS });
      const isForced = await Promise.race([drained.then(() => false), again.promise.then(() => true)]);
      return isForced ? EXIT_CODES.interrupted : EXIT_CODES.done;
    } finally {
      process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', reload);
    }
  },
});

/** `fairlead gateway`: the gateway by itself, on a configuration of its own. */
export const gateway = commandGroup({
  name: 'gateway',
  summary: 'The gateway by itself: check, run, key, password',
  commands: [check, run, key, password],
});
