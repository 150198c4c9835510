import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AdminClient, CallOutcome } from '@fairlead/control';
import { FairleadError, nearest, onDemand, realClock, realRandom, uuidV7 } from '@fairlead/core';
import { palette, plain } from '../colour.ts';
import { command } from '../command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { reportFailure } from '../failure-report.ts';
import { completedBy, duration, optionalText, texts, toggle, UsageError } from '../flag.ts';
import { operationNames, tenantNames } from '../known-names.ts';
import { problemLines } from '../problem-lines.ts';
import { dataDirFlag, runningAdmin } from '../running.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** Flags of `call`. */
interface CallFlags {
  readonly tenant: string | undefined;
  readonly subject: string | undefined;
  readonly role: readonly string[];
  readonly idempotencyKey: string | undefined;
  readonly timeout: number;
  readonly json: boolean;
  readonly dataDir: string;
}

/** Codes that say that nothing was sent, because of what was typed. */
const MISTYPED = new Set(['INVALID_INPUT', 'UNKNOWN_SERVICE', 'NOT_FOUND']);

async function listOperations(terminal: Terminal, admin: AdminClient, asJson: boolean): Promise<number> {
  const list = await admin.operations();
  if (asJson) terminal.out(`${JSON.stringify(list)}\n`);
  else {
    const colour = palette(terminal.colours);
    const rows = list.operations.map(({ service, operation, visibility, summary, method, path }) => [
      `${colour.strong(service)}.${operation}`,
      visibility,
      summary === undefined ? colour.faint(`${method} ${path}`) : plain(summary),
    ]);
    terminal.out(`${table(rows).join('\n')}\n`);
    for (const { service, reason } of list.unanswered) terminal.err(`${service} did not answer: ${reason}.\n`);
  }
  return list.partial ? EXIT_CODES.failed : EXIT_CODES.done;
}

async function readInput(terminal: Terminal, given: string): Promise<Readonly<Record<string, unknown>>> {
  const file = given.startsWith('@') ? resolve(terminal.cwd, given.slice(1)) : undefined;
  const text =
    file === undefined
      ? given
      : await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw new UsageError(`${file} can't be read: ${error.code}`);
        });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`the input is not JSON: ${why}. Quote it: '{"sku":"A"}', or name a file: @input.json`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('the input is not a JSON object; an operation takes one, such as \'{"sku":"A"}\'');
  return { ...value };
}

async function splitName(admin: AdminClient, name: string): Promise<readonly [string, string]> {
  const at = name.indexOf('.');
  if (at > 0 && at < name.length - 1) return [name.slice(0, at), name.slice(at + 1)];
  const { operations } = await admin.operations();
  const service = name.replaceAll('.', '');
  const own = operations.filter((each) => each.service === service).map((each) => `${service}.${each.operation}`);
  if (own.length > 0) throw new UsageError(`which operation of ${service}? ${own.join(', ')}`);
  const near = nearest(
    name,
    operations.map((each) => each.operation),
  );
  const meant = operations.find(({ operation }) => operation === near);
  throw new UsageError(
    `"${name}" is no <service>.<operation>. ${meant === undefined ? 'fairlead call lists them.' : `Did you mean ${meant.service}.${meant.operation}?`}`,
  );
}

const exitCodeOf = (status: number): number =>
  status < 400 ? EXIT_CODES.done : status < 500 ? EXIT_CODES.refused : EXIT_CODES.unanswered;

function failureCode(error: FairleadError): number {
  if (MISTYPED.has(error.code)) return EXIT_CODES.usage;
  return error.kind === 'unavailable' || error.kind === 'deadline' ? EXIT_CODES.unanswered : EXIT_CODES.failed;
}

function show(terminal: Terminal, outcome: CallOutcome, where: string): void {
  const { status, body, durationMs, traceId, idempotencyKey } = outcome;
  const colour = palette(terminal.colours);
  const word = `${status} ${onDemand.http.STATUS_CODES[status] ?? ''}`.trimEnd();
  const lines = [
    `${(status < 400 ? colour.good : colour.bad)(word)} ${colour.faint(`in ${durationMs.toFixed(1)} ms`)}`,
    ...(status < 400 ? [plain(JSON.stringify(body, undefined, 2))] : problemLines(body, colour)),
    '',
    ...(idempotencyKey === undefined ? [] : [colour.faint(`idempotency key ${idempotencyKey}`)]),
    colour.faint(`fairlead trace ${traceId}${where}`),
  ];
  terminal.out(`${lines.join('\n')}\n`);
}

/** `fairlead call`: calls an operation past the gateway, typed by its contract. Exit code by outcome: `EXIT_CODES`. */
export const call = command<CallFlags>({
  name: 'call',
  summary: 'Call an operation of a service or external, internal ones too; without a name, list them',
  flags: {
    tenant: completedBy(optionalText('tenant to call for', 'tenant'), tenantNames),
    subject: optionalText('who is asking', 'subject'),
    role: texts('role that the caller has', 'role'),
    idempotencyKey: optionalText('repeat a call under its key; without it a new one is made and printed', 'key'),
    timeout: duration('how long it may take, at most 10m', '30s'),
    json: toggle('print one JSON object: status, body, traceId, requestId, durationMs, idempotencyKey'),
    dataDir: dataDirFlag,
  },
  positionals: [
    { name: 'operation', summary: '<service>.<operation>', required: false, complete: operationNames },
    { name: 'input', summary: 'a JSON object, or @file with one (default {})', required: false },
  ],
  examples: [
    'fairlead call',
    `fairlead call catalog.quote '{"skus":["FAIRLEAD-BR"]}' --tenant acme`,
    `fairlead call orders.placeOrder '{"items":[{"sku":"FAIRLEAD-BR","quantity":1}]}' --tenant acme --subject ada`,
    'fairlead call orders.placeOrder @order.json --tenant acme --subject ada --idempotency-key order-1 --json',
    `fairlead call billing.ledger '{}'`,
  ],
  async run(terminal, flags, [name, given = '{}']) {
    if (flags.timeout > 600) throw new UsageError('--timeout is at most 10m');
    const input = await readInput(terminal, given);
    const admin = await runningAdmin(terminal, flags.dataDir);
    if (name === undefined) return listOperations(terminal, admin, flags.json);
    const [service, operation] = await splitName(admin, name);
    const { tenant, subject, role: roles } = flags;
    const idempotencyKey = flags.idempotencyKey ?? uuidV7({ clock: realClock(), random: realRandom() });
    try {
      const outcome = await admin.call(service, operation, {
        input,
        roles,
        idempotencyKey,
        timeoutMs: flags.timeout * 1_000,
        ...(tenant === undefined ? {} : { tenant }),
        ...(subject === undefined ? {} : { subject }),
      });
      if (flags.json) terminal.out(`${JSON.stringify(outcome)}\n`);
      else show(terminal, outcome, flags.dataDir === '.fairlead' ? '' : ` --data-dir ${flags.dataDir}`);
      return exitCodeOf(outcome.status);
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      const code = failureCode(error);
      const next =
        code !== EXIT_CODES.unanswered
          ? undefined
          : error.details['processed'] === 'no'
            ? 'The call has not reached it.'
            : `The call may have been carried out. Repeat it safely with --idempotency-key ${idempotencyKey}`;
      reportFailure(terminal, { command: 'call', error, asJson: flags.json, ...(next === undefined ? {} : { next }) });
      return code;
    }
  },
});
