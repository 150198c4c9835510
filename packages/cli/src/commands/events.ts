import type { TailPage, TailRequest } from '@fairlead/control';
import { isError, realClock } from '@fairlead/core';
import { oneLine, palette, plain, type Palette } from '../colour.ts';
import { command } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { duration, optionalText, toggle, type Flag } from '../flag.ts';
import { serviceNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `events tail`. */
interface TailFlags {
  readonly type: string | undefined;
  readonly key: string | undefined;
  readonly since: number | undefined;
  readonly once: boolean;
  readonly json: boolean;
  readonly dataDir: string;
}

const POLL_MS = 250;

function since(): Flag<number | undefined> {
  const flag = duration('', '1s');
  return {
    ...flag,
    summary: 'begin with what was published this long ago, such as 90s, 15m, 1h, 7d (default: now)',
    read: (given) => (given.length === 0 ? undefined : flag.read(given)),
  };
}

function line(event: Readonly<Record<string, unknown>>, colour: Palette): string {
  const text = (name: string): string => oneLine(event[name]);
  const source = text('source').replace(/^\//, '');
  const data = plain(JSON.stringify(event['data']));
  return `${colour.faint(text('time').slice(11, 23))} ${colour.strong(source)} ${text('type')} ${text('subject')} ${colour.faint(data)}`;
}

/** Says once when a service stops answering, and when it answers again. */
function attendance(terminal: Terminal): (page: TailPage) => void {
  let absent: ReadonlySet<string> = new Set();
  return ({ unanswered }) => {
    for (const { service, reason } of unanswered)
      if (!absent.has(service))
        terminal.err(`${service} does not answer: ${reason}. Its events follow when it does.\n`);
    absent = new Set(unanswered.map(({ service }) => service));
  };
}

const tail = command<TailFlags>({
  name: 'tail',
  summary: 'Follow what services publish, as it is committed',
  flags: {
    type: optionalText('only this type; with * at its end, types that begin so', 'type'),
    key: optionalText('only events of this key', 'key'),
    since: since(),
    once: toggle('end when there is nothing more for now, instead of following'),
    json: toggle('print CloudEvents, one JSON object a line'),
    dataDir: dataDirFlag,
  },
  positionals: [
    { name: 'service', summary: 'publisher; all services without it', required: false, complete: serviceNames },
  ],
  examples: [
    'fairlead events tail',
    "fairlead events tail orders --type 'order.*'",
    'fairlead events tail --key 0198f0c2-7c1e-7d2a-9a51-0c8d9e6f1a2b --since 1h --once',
    'fairlead events tail --since 7d --once --json',
  ],
  async run(terminal, flags, [service]) {
    const { type, key, dataDir } = flags;
    const clock = realClock();
    const colour = palette(terminal.colours);
    const admin = await runningAdmin(terminal, dataDir);
    const attend = attendance(terminal);
    const sinceMs = clock.now() - (flags.since ?? 0) * 1_000;
    let request: TailRequest = {
      since: sinceMs,
      ...(service === undefined ? {} : { service: [service] }),
      ...(type === undefined ? {} : { type }),
      ...(key === undefined ? {} : { key }),
    };
    let gone = false;
    // Without `--once` it ends with the process: Ctrl-C, or a closed pipe.
    for (;;) {
      let page: TailPage | undefined;
      try {
        page = await admin.events(request);
        gone = false;
      } catch (error) {
        // The control plane is started again when it ends; positions are kept here.
        if (request.cursor === undefined || !isError(error, 'UNAVAILABLE') || flags.once) throw error;
        if (!gone) terminal.err(`${error.message} Waiting for it.\n`);
        gone = true;
      }
      if (page !== undefined) {
        attend(page);
        for (const event of page.items)
          terminal.out(flags.json ? `${JSON.stringify(event)}\n` : `${line(event, colour)}\n`);
        request = { ...request, cursor: page.cursor };
        if (page.read === 0 && flags.once) return page.unanswered.length > 0 ? EXIT_CODES.failed : EXIT_CODES.done;
      }
      if (page === undefined || page.read === 0) await clock.sleep(POLL_MS);
    }
  },
});

/** `fairlead events`: what services publish. */
export const events = commandGroup({ name: 'events', summary: 'Events: tail', commands: [tail] });
