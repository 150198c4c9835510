import type { DeadJobsRequest, JobListFilter, QueuedJob, Unanswered } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { ago } from '../ago.ts';
import { oneLine, palette, plain } from '../colour.ts';
import { command, type Positional } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { choice, completedBy, optionalText, toggle, UsageError, whole } from '../flag.ts';
import { jobQueues } from '../job-queues.ts';
import { jobIds, queueNames, serviceNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { part } from '../part.ts';

const MAX_LISTED = 1_000;
const MAX_CHANGED = 10_000;
const MAX_ERROR_LENGTH = 80;
const STATES = ['all', 'waiting', 'later', 'blocked', 'running', 'dead'] as const;

const ofService = (required: boolean): Positional => ({
  name: 'service',
  summary: required ? 'service whose job it is' : 'only of this service; of all without it',
  required,
  complete: serviceNames,
});
const byId = (required: boolean): Positional => ({
  name: 'id',
  summary: 'its id, from fairlead jobs list',
  required,
  complete: jobIds,
});
const ofQueue: Positional = { name: 'queue', summary: 'one of its queues', required: true, complete: queueNames };

/** Which jobs are meant. */
interface Filter {
  readonly queue: string | undefined;
  readonly tenant: string | undefined;
  readonly code: string | undefined;
  readonly olderThan: string | undefined;
}

const filterFlags = {
  queue: completedBy(optionalText('only of this queue', 'queue'), queueNames),
  tenant: optionalText('only of this tenant; empty for those without one', 'tenant'),
  code: optionalText('only those whose last error has this code', 'code'),
  olderThan: optionalText('only those given up (or enqueued) so long ago, such as 90s, 15m, 1h, 7d', 'duration'),
};

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function filterOf({
  queue,
  tenant,
  code,
  olderThan,
}: Filter): Pick<JobListFilter, 'queue' | 'tenant' | 'code' | 'minAgeMs'> {
  const minAgeMs = olderThan === undefined ? undefined : ageOf(olderThan);
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(code === undefined ? {} : { code }),
    ...(minAgeMs === undefined ? {} : { minAgeMs }),
  };
}

function ageOf(text: string): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  if (Number.isSafeInteger(ms)) return ms;
  throw new UsageError(`--older-than takes a duration such as 90s, 15m, 1h or 7d, not "${text}"`);
}

const word = (value: unknown): string => (value === undefined ? '' : oneLine(value));

function rowOf(job: QueuedJob, nowMs: number): readonly string[] {
  const { failure } = job;
  const reason = failure === undefined ? '' : `${word(part(failure, 'code'))}: ${word(part(failure, 'message'))}`;
  return [
    job.service,
    word(job['id']),
    word(job['queue']),
    word(job['state']),
    word(job['tenant']),
    word(job['key']),
    `${String(job['attempt'])}/${String(job['maxAttempts'])}`,
    ago(job['state'] === 'dead' ? job['endedAt'] : job['enqueuedAt'], nowMs),
    reason.length > MAX_ERROR_LENGTH ? `${reason.slice(0, MAX_ERROR_LENGTH - 1)}…` : reason,
  ];
}

const HEAD = ['SERVICE', 'ID', 'QUEUE', 'STATE', 'TENANT', 'KEY', 'ATTEMPTS', 'SINCE', 'ERROR'];

interface ListFlags extends Filter {
  readonly after: string | undefined;
  readonly limit: number;
  readonly json: boolean;
  readonly dataDir: string;
}

const listFlags = {
  ...filterFlags,
  after: optionalText('go on after this job, with a service', 'id'),
  limit: whole('how many of each service', 'n', { min: 1, max: MAX_LISTED, fallback: 100 }),
  json: toggle('print one JSON object: items, next, partial, unanswered'),
  dataDir: dataDirFlag,
};

async function listed(
  terminal: Terminal,
  flags: ListFlags,
  service: string | undefined,
  state: (typeof STATES)[number],
  none: string,
): Promise<number> {
  if (flags.after !== undefined && service === undefined) throw new UsageError('--after needs a service');
  const filter: JobListFilter = {
    ...filterOf(flags),
    ...(service === undefined ? {} : { service }),
    ...(state === 'all' ? {} : { state }),
    ...(flags.after === undefined ? {} : { after: flags.after }),
    limit: flags.limit,
  };
  const admin = await runningAdmin(terminal, flags.dataDir);
  const found = await admin.jobs(filter);
  const code = found.partial ? EXIT_CODES.failed : EXIT_CODES.done;
  if (flags.json) {
    terminal.out(`${JSON.stringify(found)}\n`);
    return code;
  }
  const colour = palette(terminal.colours);
  const nowMs = realClock().now();
  const rows = found.items.map((job) => rowOf(job, nowMs));
  if (rows.length > 0) terminal.out(`${table([HEAD.map((title) => colour.faint(title)), ...rows]).join('\n')}\n`);
  else if (!found.partial) terminal.out(`${none}\n`);
  if (found.next !== undefined) terminal.out(`There are more: --after ${found.next}\n`);
  tellUnanswered(terminal, found.unanswered);
  return code;
}

function tellUnanswered(terminal: Terminal, unanswered: readonly Unanswered[]): void {
  for (const { service, reason } of unanswered)
    terminal.err(`${service} did not answer: ${reason}. It may have jobs too.\n`);
}

const list = command<ListFlags & { readonly state: (typeof STATES)[number] }>({
  name: 'list',
  summary: 'List jobs that have not ended, in the order in which they were enqueued',
  flags: { state: choice('only those', STATES, 'all'), ...listFlags },
  positionals: [ofService(false)],
  examples: ['fairlead jobs list', 'fairlead jobs list orders --state running --json'],
  run: (terminal, flags, [service]) => listed(terminal, flags, service, flags.state, 'No jobs.'),
});

const dead = command<ListFlags>({
  name: 'dead',
  summary: 'List jobs that were given up, with their last error',
  flags: listFlags,
  positionals: [ofService(false)],
  examples: ['fairlead jobs dead', 'fairlead jobs dead orders --code UNAVAILABLE --older-than 1h'],
  run: (terminal, flags, [service]) => listed(terminal, flags, service, 'dead', 'No dead jobs.'),
});

const queues = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'queues',
  summary: 'Show how far queues are behind',
  flags: { json: toggle('print one JSON object: items, partial, unanswered'), dataDir: dataDirFlag },
  positionals: [ofService(false)],
  examples: ['fairlead jobs queues', 'fairlead jobs queues orders'],
  async run(terminal, { json, dataDir }, [service]) {
    const admin = await runningAdmin(terminal, dataDir);
    const found = await admin.queues(service === undefined ? {} : { service });
    const code = found.partial ? EXIT_CODES.failed : EXIT_CODES.done;
    if (json) {
      terminal.out(`${JSON.stringify(found)}\n`);
      return code;
    }
    const lines = jobQueues(found.items, palette(terminal.colours));
    if (lines.length > 0) terminal.out(`${lines.join('\n')}\n`);
    else if (!found.partial) terminal.out('No queue has jobs.\n');
    tellUnanswered(terminal, found.unanswered);
    return code;
  },
});

const show = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'show',
  summary: 'Show one job: what it was given, every failed attempt, trace, and what waits behind it',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  positionals: [ofService(true), byId(true)],
  examples: ['fairlead jobs show orders 019b76da-a800-7000-8000-000000000001'],
  async run(terminal, { json, dataDir }, [service = '', id = '']) {
    const admin = await runningAdmin(terminal, dataDir);
    const job = await admin.job({ service, id });
    if (json) {
      terminal.out(`${JSON.stringify(job)}\n`);
      return EXIT_CODES.done;
    }
    const colour = palette(terminal.colours);
    const nowMs = realClock().now();
    const where = dataDir === '.fairlead' ? '' : ` --data-dir ${dataDir}`;
    const failures: readonly unknown[] = Array.isArray(job['failures']) ? job['failures'] : [];
    const facts = [
      ['tenant', job['tenant']],
      ['key', job['key']],
      ['part of', job['parent']],
      ['progress', job['progress'] === undefined ? undefined : JSON.stringify(job['progress'])],
    ].flatMap(([name, value]) => (value === undefined ? [] : [`${word(name)} ${word(value)}`]));
    const state = job['state'] === 'dead' ? colour.bad(`dead (${word(job['reason'])})`) : word(job['state']);
    const lines = [
      `${colour.strong(`${service} ${word(job['queue'])} ${id}`)}  ${state}`,
      `enqueued ${ago(job['enqueuedAt'], nowMs)} ago, ${String(job['attempt'])} of ${String(job['maxAttempts'])} attempts begun`,
      ...(facts.length === 0 ? [] : [facts.join(', ')]),
      ...(job['traceId'] === undefined ? [] : [`fairlead trace ${word(job['traceId'])}${where}`]),
      '',
      plain(JSON.stringify(job['payload'], undefined, 2)),
      '',
      failures.length === 0 ? 'No attempt has failed.' : 'Failed attempts:',
      ...table(
        failures.map((failure) => [
          `  ${word(part(failure, 'attempt'))}`,
          `${ago(part(failure, 'at'), nowMs)} ago`,
          colour.bad(word(part(failure, 'code'))),
          word(part(failure, 'message')),
        ]),
      ),
      ...(Number(job['behind']) === 0 ? [] : ['', `${String(job['behind'])} jobs of its key wait behind it.`]),
      ...(job['state'] === 'dead'
        ? ['', `fairlead jobs redrive ${service} ${id}${where}   runs it again; discard instead drops it for good`]
        : []),
    ];
    terminal.out(`${lines.join('\n')}\n`);
    return EXIT_CODES.done;
  },
});

interface ChangeFlags extends Filter {
  readonly all: boolean;
  readonly json: boolean;
  readonly dataDir: string;
}

const changeFlags = {
  all: toggle('every dead job of the service that fits'),
  ...filterFlags,
  json: toggle('print one JSON object'),
  dataDir: dataDirFlag,
};

async function changeDead(
  terminal: Terminal,
  flags: ChangeFlags,
  [service = '', id]: readonly string[],
  change: 'redrive' | 'discard',
  more: DeadJobsRequest,
): Promise<number> {
  const filter = filterOf(flags);
  if ((id === undefined) === !flags.all)
    throw new UsageError(id === undefined ? 'name an id, or give --all' : 'give an id or --all, not both');
  if (id !== undefined && Object.keys(filter).length > 0) throw new UsageError('give an id or a filter, not both');
  const admin = await runningAdmin(terminal, flags.dataDir);
  const which: DeadJobsRequest = id === undefined ? { ...filter, limit: MAX_CHANGED } : { id };
  let count = 0;
  let after: string | undefined;
  do {
    const done = await admin.changeDeadJobs(service, change, {
      ...which,
      ...more,
      ...(after === undefined ? {} : { after }),
    });
    count += done.count;
    after = done.next;
  } while (after !== undefined);
  const words = { redrive: 'redriven', discard: 'discarded' };
  if (flags.json) terminal.out(`${JSON.stringify({ service, [words[change]]: count })}\n`);
  else if (count > 0) terminal.out(`${service}: ${count === 1 ? '1 job' : `${count} jobs`} ${words[change]}.\n`);
  else if (id === undefined) terminal.out(`${service} has no such dead jobs.\n`);
  else terminal.err(`${service} has no dead job ${id}. It may have been redriven or discarded already.\n`);
  return count === 0 && id !== undefined ? EXIT_CODES.failed : EXIT_CODES.done;
}

const redrive = command<ChangeFlags & { readonly perSecond: number }>({
  name: 'redrive',
  summary: 'Run dead jobs again, with all their attempts',
  flags: {
    ...changeFlags,
    perSecond: whole('how many become due in a second; 0 all at once', 'n', { min: 0, max: 1_000_000, fallback: 0 }),
  },
  positionals: [ofService(true), byId(false)],
  examples: [
    'fairlead jobs redrive orders --all',
    'fairlead jobs redrive payments --all --code UNAVAILABLE --per-second 5',
  ],
  run: (terminal, flags, words) =>
    changeDead(terminal, flags, words, 'redrive', flags.perSecond === 0 ? {} : { perSecond: flags.perSecond }),
});

const discard = command<ChangeFlags>({
  name: 'discard',
  summary: 'Drop dead jobs for good; what waits behind them goes on',
  flags: changeFlags,
  positionals: [ofService(true), byId(false)],
  examples: ['fairlead jobs discard orders --all --older-than 7d'],
  run: (terminal, flags, words) => changeDead(terminal, flags, words, 'discard', {}),
});

const cancel = command<{ readonly json: boolean; readonly dataDir: string }>({
  name: 'cancel',
  summary: 'End a job: at once when it waits or is dead, soon when it runs',
  flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
  positionals: [ofService(true), byId(true)],
  examples: ['fairlead jobs cancel orders 019b76da-a800-7000-8000-000000000001'],
  async run(terminal, { json, dataDir }, [service = '', id = '']) {
    const admin = await runningAdmin(terminal, dataDir);
    const { kind } = await admin.cancelJob({ service, id });
    if (json) terminal.out(`${JSON.stringify({ service, id, kind })}\n`);
    else terminal.out(kind === 'cancelled' ? `${service}: job ${id} is gone.\n` : `${service}: job ${id} is ending.\n`);
    return EXIT_CODES.done;
  },
});

const changeQueue = (change: 'pause' | 'resume', summary: string, told: string) =>
  command<{ readonly json: boolean; readonly dataDir: string }>({
    name: change,
    summary,
    flags: { json: toggle('print one JSON object'), dataDir: dataDirFlag },
    positionals: [ofService(true), ofQueue],
    examples: [`fairlead jobs ${change} orders expire-order`],
    async run(terminal, { json, dataDir }, [service = '', queue = '']) {
      const admin = await runningAdmin(terminal, dataDir);
      await admin.changeQueue({ service, queue }, change);
      if (json) terminal.out(`${JSON.stringify({ service, queue, paused: change === 'pause' })}\n`);
      else terminal.out(`${service}: ${queue} ${told}.\n`);
      return EXIT_CODES.done;
    },
  });

/** `fairlead jobs`: queued work, what of it was given up, and what becomes of it. */
export const jobs = commandGroup({
  name: 'jobs',
  summary: 'Jobs: list, queues, show, dead, redrive, discard, cancel, pause, resume',
  commands: [
    list,
    queues,
    show,
    dead,
    redrive,
    discard,
    cancel,
    changeQueue('pause', 'Begin no more jobs of a queue; those that run go on', 'is paused'),
    changeQueue('resume', 'Let a queue that was paused go on', 'goes on'),
  ],
});
