import type { AdminClient, GivenUp } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { ago } from '../ago.ts';
import { oneLine, palette, plain } from '../colour.ts';
import { command, type Positional } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { toggle, UsageError, whole } from '../flag.ts';
import { deadLetterIds, serviceNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { part } from '../part.ts';

/** How many dead letters of a service are listed, or changed with `--all`, at once. */
const MAX_LETTERS = 1_000;
const MAX_ERROR_LENGTH = 80;

const ofService = (required: boolean): Positional => ({
  name: 'service',
  summary: required ? 'service whose consumer gave it up' : 'only of this service; of all without it',
  required,
  complete: serviceNames,
});
const byId = (required: boolean): Positional => ({
  name: 'id',
  summary: 'its id in that service, from fairlead dlq list',
  required,
  complete: deadLetterIds,
});

function rowOf(letter: GivenUp, nowMs: number): readonly string[] {
  const { event, error } = letter;
  const reason = `${oneLine(part(error, 'code'))}: ${oneLine(part(error, 'message'))}`;
  return [
    letter.service,
    oneLine(letter['id']),
    oneLine(part(event, 'type')),
    oneLine(part(event, 'subject')),
    String(letter['attempts']),
    String(letter['waiting']),
    ago(letter['firstFailedAt'], nowMs),
    reason.length > MAX_ERROR_LENGTH ? `${reason.slice(0, MAX_ERROR_LENGTH - 1)}…` : reason,
  ];
}

const HEAD = ['SERVICE', 'ID', 'EVENT', 'KEY', 'ATTEMPTS', 'WAITING', 'SINCE', 'ERROR'];

const list = command<{ readonly limit: number; readonly json: boolean; readonly dataDir: string }>({
  name: 'list',
  summary: 'List events that consumers gave up',
  flags: {
    limit: whole('how many of each service', 'n', { min: 1, max: MAX_LETTERS, fallback: 100 }),
    json: toggle('print one JSON object: items, partial, unanswered'),
    dataDir: dataDirFlag,
  },
  positionals: [ofService(false)],
  examples: ['fairlead dlq list', 'fairlead dlq list inventory --json'],
  async run(terminal, { limit, json, dataDir }, [service]) {
    const admin = await runningAdmin(terminal, dataDir);
    const found = await admin.deadLetters({ limit, ...(service === undefined ? {} : { service }) });
    const code = found.partial ? EXIT_CODES.failed : EXIT_CODES.done;
    if (json) {
      terminal.out(`${JSON.stringify(found)}\n`);
      return code;
    }
    const colour = palette(terminal.colours);
    const nowMs = realClock().now();
    const rows = found.items.map((letter) => rowOf(letter, nowMs));
    if (rows.length > 0) terminal.out(`${table([HEAD.map((title) => colour.faint(title)), ...rows]).join('\n')}\n`);
    else if (!found.partial) terminal.out('No dead letters.\n');
    for (const { service: name, reason } of found.unanswered)
      terminal.err(`${name} did not answer: ${reason}. It may have dead letters too.\n`);
    return code;
  },
});

const show = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'show',
  summary: 'Show one dead letter: event, error, trace, and what waits behind it',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  positionals: [ofService(true), byId(true)],
  examples: ['fairlead dlq show inventory 3'],
  async run(terminal, { json, dataDir }, [service = '', id = '']) {
    const admin = await runningAdmin(terminal, dataDir);
    const letter = await admin.deadLetter({ service, id });
    if (json) {
      terminal.out(`${JSON.stringify(letter)}\n`);
      return EXIT_CODES.done;
    }
    const colour = palette(terminal.colours);
    const nowMs = realClock().now();
    const { event, error } = letter;
    const waiting = Array.isArray(letter['waitingEvents']) ? letter['waitingEvents'] : [];
    const where = dataDir === '.fairlead' ? '' : ` --data-dir ${dataDir}`;
    const lines = [
      `${colour.strong(`${service} ${id}`)}  ${oneLine(part(event, 'type'))} of ${oneLine(part(event, 'source'))}, key ${oneLine(part(event, 'subject'))}`,
      `${colour.bad(oneLine(part(error, 'code')))}: ${oneLine(part(error, 'message'))}`,
      `tried ${String(letter['attempts'])} times, first ${ago(letter['firstFailedAt'], nowMs)} ago, last ${ago(letter['lastFailedAt'], nowMs)} ago`,
      `fairlead trace ${oneLine(letter['traceId'])}${where}`,
      '',
      plain(JSON.stringify(event, undefined, 2)),
      '',
      Number(letter['waiting']) === 0
        ? 'No event waits behind it.'
        : `${String(letter['waiting'])} events of its key wait behind it:`,
      ...table(
        waiting.map((each) => [
          `  ${oneLine(part(each, 'time'))}`,
          oneLine(part(each, 'type')),
          oneLine(part(each, 'id')),
        ]),
      ),
      '',
      `fairlead dlq redrive ${service} ${id}${where}   tries it again; discard instead drops it for good`,
    ];
    terminal.out(`${lines.join('\n')}\n`);
    return EXIT_CODES.done;
  },
});

interface ChangeFlags {
  readonly all: boolean;
  readonly json: boolean;
  readonly dataDir: string;
}

async function changeOf(
  terminal: Terminal,
  flags: ChangeFlags,
  [service = '', id]: readonly string[],
  { change, done }: { readonly change: 'redrive' | 'discard'; readonly done: string },
): Promise<number> {
  if ((id === undefined) === !flags.all)
    throw new UsageError(id === undefined ? 'name an id, or give --all' : 'give an id or --all, not both');
  const admin: AdminClient = await runningAdmin(terminal, flags.dataDir);
  const listed = id === undefined ? await admin.deadLetters({ service, limit: MAX_LETTERS }) : undefined;
  for (const { reason } of listed?.unanswered ?? []) terminal.err(`${service} did not answer: ${reason}.\n`);
  const ids = id === undefined ? (listed?.items ?? []).map((letter) => String(letter['id'])) : [id];
  for (const each of ids) await admin[change]({ service, id: each });
  const more = ids.length === MAX_LETTERS;
  if (flags.json) terminal.out(`${JSON.stringify({ service, [done]: ids, more })}\n`);
  else {
    const what = ids.length === 1 ? `dead letter ${ids[0]}` : `${ids.length} dead letters`;
    terminal.out(`${ids.length === 0 ? `${service} has no dead letters` : `${service}: ${what} ${done}`}.\n`);
    if (more) terminal.out('There may be more: repeat the command.\n');
  }
  return listed?.partial === true ? EXIT_CODES.failed : EXIT_CODES.done;
}

const changeFlags = (all: string) => ({
  all: toggle(all),
  json: toggle('print one JSON object'),
  dataDir: dataDirFlag,
});

const redrive = command<ChangeFlags>({
  name: 'redrive',
  summary: 'Try a dead letter again, at once and with all its attempts',
  flags: changeFlags(`every dead letter of the service, ${MAX_LETTERS} at most`),
  positionals: [ofService(true), byId(false)],
  examples: ['fairlead dlq redrive inventory 3', 'fairlead dlq redrive inventory --all'],
  run: (terminal, flags, words) => changeOf(terminal, flags, words, { change: 'redrive', done: 'redriven' }),
});

const discard = command<ChangeFlags>({
  name: 'discard',
  summary: 'Drop a dead letter for good; the next event of its key goes on',
  flags: changeFlags(`every dead letter of the service, ${MAX_LETTERS} at most`),
  positionals: [ofService(true), byId(false)],
  examples: ['fairlead dlq discard inventory 3', 'fairlead dlq discard inventory --all --json'],
  run: (terminal, flags, words) => changeOf(terminal, flags, words, { change: 'discard', done: 'discarded' }),
});

/** `fairlead dlq`: events that consumers gave up, and what becomes of them. */
export const dlq = commandGroup({
  name: 'dlq',
  summary: 'Dead letters of events: list, show, redrive, discard (of jobs: fairlead jobs dead)',
  commands: [list, show, redrive, discard],
});
