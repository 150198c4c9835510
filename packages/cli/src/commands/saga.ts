import type { SagaChange, SagaChangeRequest, SagaFilter, SagaRun, Unanswered } from '@fairlead/control';
import { realClock } from '@fairlead/core';
import { ago } from '../ago.ts';
import { oneLine, palette, type Palette } from '../colour.ts';
import { command, type Positional } from '../command.ts';
import { commandGroup } from '../command-group.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { choice, optionalText, requiredText, toggle, UsageError, whole, type Flag } from '../flag.ts';
import { sagaIds, sagaNames, serviceNames } from '../known-names.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { sagaReport } from '../saga-report.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import { replaySagas } from '../saga-replay.ts';

const MAX_LISTED = 1_000;
const MAX_ERROR_LENGTH = 80;
const STATUSES = [
  'all',
  'running',
  'waiting',
  'compensating',
  'completed',
  'compensated',
  'resolved',
  'needs-attention',
  'parked',
] as const;
const HEAD = ['SERVICE', 'SAGA', 'ID', 'STATUS', 'TENANT', 'STEPS', 'SINCE', 'WHY'];

const place: readonly Positional[] = [
  { name: 'service', summary: 'service whose saga it is', required: true, complete: serviceNames },
  { name: 'saga', summary: 'one of its sagas', required: true, complete: sagaNames },
  { name: 'id', summary: 'id of a run, from fairlead saga list', required: true, complete: sagaIds },
];

const json = toggle('print one JSON object');
const tenantFlag = optionalText('whose run is meant, where several tenants have one of this name', 'tenant');

/** A status, red where somebody has to look. */
export function statusWord(status: unknown, colour: Palette): string {
  const text = oneLine(status);
  return text === 'parked' || text === 'needs-attention' ? colour.bad(text) : text;
}

function rowOf(run: SagaRun, nowMs: number, colour: Palette): readonly string[] {
  const { failure } = run;
  const reason =
    typeof failure === 'object' && failure !== null && 'code' in failure && 'message' in failure
      ? `${oneLine(failure.code)}: ${oneLine(failure.message)}`
      : '';
  return [
    run.service,
    oneLine(run['saga']),
    oneLine(run['id']),
    statusWord(run['status'], colour),
    run['tenant'] === undefined ? '' : oneLine(run['tenant']),
    String(run['steps']),
    ago(run['updatedAt'], nowMs),
    reason.length > MAX_ERROR_LENGTH ? `${reason.slice(0, MAX_ERROR_LENGTH - 1)}…` : reason,
  ];
}

function tellUnanswered(terminal: Terminal, unanswered: readonly Unanswered[]): void {
  for (const { service, reason } of unanswered)
    terminal.err(`${service} did not answer: ${reason}. It may have sagas too.\n`);
}

const list = command<{
  readonly status: (typeof STATUSES)[number];
  readonly saga: string | undefined;
  readonly tenant: string | undefined;
  readonly attribute: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
  readonly json: boolean;
  readonly dataDir: string;
}>({
  name: 'list',
  summary: 'List runs of sagas, with what holds them up',
  flags: {
    status: choice('only those', STATUSES, 'all'),
    saga: optionalText('only of this saga', 'saga'),
    tenant: optionalText('only of this tenant; empty for those without one', 'tenant'),
    attribute: optionalText('only those with this attribute, together with --saga', 'name=value'),
    after: optionalText('go on after this run, with a service', 'key'),
    limit: whole('how many of each service', 'n', { min: 1, max: MAX_LISTED, fallback: 100 }),
    json: toggle('print one JSON object: items, next, partial, unanswered'),
    dataDir: dataDirFlag,
  },
  positionals: [
    { name: 'service', summary: 'only of this service; of all without it', required: false, complete: serviceNames },
  ],
  examples: ['fairlead saga list', 'fairlead saga list orders --status needs-attention'],
  async run(terminal, flags, [service]) {
    const { status, saga, tenant, attribute, after, limit } = flags;
    if (after !== undefined && service === undefined) throw new UsageError('--after needs a service');
    if (attribute !== undefined && saga === undefined) throw new UsageError('--attribute needs --saga');
    const filter: SagaFilter = {
      ...(service === undefined ? {} : { service }),
      ...(status === 'all' ? {} : { status }),
      ...(saga === undefined ? {} : { saga }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(attribute === undefined ? {} : { attribute }),
      ...(after === undefined ? {} : { after }),
      limit,
    };
    const admin = await runningAdmin(terminal, flags.dataDir);
    const found = await admin.sagas(filter);
    const code = found.partial ? EXIT_CODES.failed : EXIT_CODES.done;
    if (flags.json) {
      terminal.out(`${JSON.stringify(found)}\n`);
      return code;
    }
    const colour = palette(terminal.colours);
    const nowMs = realClock().now();
    const rows = found.items.map((run) => rowOf(run, nowMs, colour));
    if (rows.length > 0) terminal.out(`${table([HEAD.map((title) => colour.faint(title)), ...rows]).join('\n')}\n`);
    else if (!found.partial) terminal.out('No sagas.\n');
    if (found.next !== undefined) terminal.out(`There are more: --after ${found.next}\n`);
    tellUnanswered(terminal, found.unanswered);
    return code;
  },
});

const show = command<{ readonly tenant: string | undefined; readonly json: boolean; readonly dataDir: string }>({
  name: 'show',
  summary: 'Show one run: its steps and what they came to, what fails, what it waits for',
  flags: { tenant: tenantFlag, json: toggle('print one JSON object, which saga replay takes'), dataDir: dataDirFlag },
  positionals: place,
  examples: ['fairlead saga show orders checkout 019b76da-a800-7000-8000-000000000001'],
  async run(terminal, flags, [service = '', saga = '', id = '']) {
    const admin = await runningAdmin(terminal, flags.dataDir);
    const owner = flags.tenant === undefined ? {} : { tenant: flags.tenant };
    const run = await admin.saga({ service, saga, id }, owner);
    if (flags.json) terminal.out(`${JSON.stringify(run)}\n`);
    else terminal.out(`${sagaReport(run, palette(terminal.colours), realClock().now()).join('\n')}\n`);
    return EXIT_CODES.done;
  },
});

interface ChangeFlags {
  readonly tenant: string | undefined;
  readonly json: boolean;
  readonly dataDir: string;
}

async function changed(
  terminal: Terminal,
  flags: ChangeFlags,
  [service = '', saga = '', id = '']: readonly string[],
  change: SagaChange,
  request: SagaChangeRequest,
  told: string,
): Promise<number> {
  const admin = await runningAdmin(terminal, flags.dataDir);
  const owner = flags.tenant === undefined ? {} : { tenant: flags.tenant };
  const done = await admin.changeSaga({ service, saga, id }, change, { ...request, ...owner });
  const isDone = ['done', 'cancelling', 'sent', 'duplicate'].includes(done.kind);
  if (flags.json) terminal.out(`${JSON.stringify(done)}\n`);
  else if (isDone) terminal.out(`${service}: ${saga} ${id} ${told}.\n`);
  else {
    const why = done.why ?? (done.kind === 'ended' ? 'It has ended.' : done.kind);
    terminal.err(`${service}: ${saga} ${id} is ${done.status ?? 'as it was'}. ${why}\n`);
  }
  return isDone ? EXIT_CODES.done : EXIT_CODES.failed;
}

/** A command that decides about one run. */
const change = <Flags extends object>(options: {
  readonly name: SagaChange;
  readonly summary: string;
  readonly flags: { readonly [Name in keyof Flags]: Flag<Flags[Name]> };
  readonly positionals?: readonly Positional[];
  readonly example: string;
  readonly told: string;
  readonly request: (flags: Flags, words: readonly string[]) => SagaChangeRequest;
}) =>
  command<Flags & ChangeFlags>({
    name: options.name,
    summary: options.summary,
    // `as`: together they are what the type says.
    flags: { ...options.flags, tenant: tenantFlag, json, dataDir: dataDirFlag } as never,
    positionals: [...place, ...(options.positionals ?? [])],
    examples: [`fairlead saga ${options.example}`],
    run: (terminal, flags, words) =>
      changed(terminal, flags, words, options.name, options.request(flags, words), options.told),
  });

function checkedJson(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw new UsageError(`${flag} takes JSON, not ${text}; put a text into quotes: '"${text}"'`);
  }
}

const withResult = (result: string | undefined): SagaChangeRequest => {
  const checked = checkedJson('--result', result);
  return checked === undefined ? {} : { result: checked };
};

/** `fairlead saga`: durable workflows, and what people decide about those that can't go on. */
export const saga = commandGroup({
  name: 'saga',
  summary: 'Sagas: list, show, cancel, retry, skip, resolve, signal, replay',
  commands: [
    list,
    show,
    change<{ readonly reason: string | undefined }>({
      name: 'cancel',
      summary: 'Have a run end, and take back what it has done',
      flags: { reason: optionalText('why, for its journal', 'text') },
      example: 'cancel orders checkout order-42 --reason "the customer called"',
      told: 'is ending; what it has done is taken back',
      request: ({ reason }) => (reason === undefined ? {} : { reason }),
    }),
    change<object>({
      name: 'retry',
      summary: 'Let a run that is parked or needs attention go on where it stood, or a failing step be tried now',
      flags: {},
      example: 'retry orders checkout order-42',
      told: 'goes on',
      request: () => ({}),
    }),
    change<{ readonly result: string | undefined }>({
      name: 'skip',
      summary: 'Take the step or undo that fails as done',
      flags: { result: optionalText('what the step comes to', 'json') },
      example: 'skip orders checkout order-42 --result null',
      told: 'goes on after it',
      request: ({ result }) => withResult(result),
    }),
    change<{ readonly note: string; readonly result: string | undefined }>({
      name: 'resolve',
      summary: 'End a run as it is, for good; nothing more is taken back',
      flags: {
        note: requiredText('who decided, and why', 'text'),
        result: optionalText('what it comes to', 'json'),
      },
      example: 'resolve orders checkout order-42 --note "refunded by hand, ticket 7"',
      told: 'is resolved',
      request: ({ note, result }) => ({ note, ...withResult(result) }),
    }),
    change<{ readonly data: string | undefined }>({
      name: 'signal',
      summary: 'Send a run a signal',
      flags: { data: optionalText('what it says', 'json') },
      positionals: [{ name: 'signal', summary: 'name of the signal', required: true }],
      example: `signal orders checkout order-42 approved --data '{"by":"ada"}'`,
      told: 'has the signal',
      request({ data }, [, , , name = '']) {
        const checked = checkedJson('--data', data);
        return { name, ...(checked === undefined ? {} : { data: checked }) };
      },
    }),
    replaySagas,
  ],
});
