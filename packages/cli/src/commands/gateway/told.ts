import type { CompiledSnapshot, FollowEvent } from '@fairlead/proxy';
import { palette, type Palette } from '../../colour.ts';
import { importNoteLines } from '../../import-notes.ts';
import { counted, table } from '../../table.ts';
import type { Terminal } from '../../terminal.ts';

/** What is at work: a gateway in this process, or in several. */
export interface AtWork {
  readonly urls: ReadonlyMap<string, string>;
  readonly hash: string;
}

/** What `gateway run` says of itself: sentences, or objects with `event`. */
export interface Told {
  listening(engine: AtWork, snapshot: CompiledSnapshot, admin: string | undefined): void;
  followed(event: FollowEvent, engine: AtWork): void;
  draining(): void;
  /** A process has ended unasked. */
  crashed(pid: number | undefined, how: string): void;
  /** Another one serves in its place. */
  mended(pid: number | undefined): void;
  /** All processes have been replaced, or why not. */
  replaced(pids: readonly number[], failure: string | undefined): void;
}

/** Says it to a terminal. */
export function told(terminal: Terminal, { json }: { readonly json: boolean }): Told {
  const colour = palette(terminal.colours);
  const object = (value: object): void => terminal.out(`${JSON.stringify(value)}\n`);
  const line = (text: string): void => terminal.out(`${text}\n`);
  const state = (engine: AtWork, { hash, routes }: CompiledSnapshot) => ({
    hash,
    routes: routes.length,
    listeners: Object.fromEntries(engine.urls),
  });
  return {
    listening(engine, snapshot, admin) {
      if (json)
        return object({
          event: 'listening',
          ...state(engine, snapshot),
          ...(admin === undefined ? {} : { admin }),
          ...(snapshot.imported === undefined ? {} : { imported: snapshot.imported }),
        });
      if (snapshot.imported !== undefined)
        for (const text of importNoteLines(snapshot.imported, snapshot.origin)) line(text);
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
    crashed(pid, how) {
      if (json) object({ event: 'crashed', pid, how });
      else terminal.err(`${colour.bad(`The process ${pid} has ended (${how}):`)} another one takes its place\n`);
    },
    mended(pid) {
      if (json) object({ event: 'mended', pid });
      else line(`The process ${pid} serves in its place.`);
    },
    replaced(pids, failure) {
      if (json) object({ event: failure === undefined ? 'replaced' : 'not-replaced', pids, why: failure });
      else if (failure === undefined) line(`All processes are new: ${pids.join(', ')}.`);
      else terminal.err(`${colour.bad('The processes stay:')} ${failure}\n`);
    },
  };
}

function listenerLines(engine: AtWork, snapshot: CompiledSnapshot, colour: Palette): readonly string[] {
  return table(
    snapshot.listeners.map(({ name }) => [
      colour.strong(name),
      engine.urls.get(name) ?? '',
      counted(snapshot.routes.filter(({ listeners }) => listeners.includes(name)).length, 'route'),
    ]),
  );
}
