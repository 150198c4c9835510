// What operators ask a gateway, and change of it:
//   admin-contract.ts   admin-openapi.ts        what can be asked; answers are checked by it (admin-schemas.ts are its parts)
//   reading.ts  sums.ts  json.ts                what processes say, put together; changing.ts what is changed
//   gateway-question.ts local-gateway.ts        what one process is asked, and answers; gateway-processes.ts all of them
//   shown-config.ts  swap-history.ts            the configuration without secrets, and what became of others
//   credential.ts    audit-log.ts               who may change something, and where that is written down
import { decodeCall, encodeOutput, findOperation, type Operation } from '@fairlead/contract';
import { FairleadError, PROBLEM_CONTENT_TYPE, toProblem, type Clock, type Random } from '@fairlead/core';
import { serve, type ListenAddress, type NetServer, type ServerRequest } from '@fairlead/net';
import type { Telemetry } from '@fairlead/telemetry';
import { fail, STATUS_OVERRIDES } from '../errors.ts';
import type { Explanation } from '../explain/explain-request.ts';
import { adminContract } from './admin-contract.ts';
import { adminOpenApi } from './admin-openapi.ts';
import { openAuditLog, type AuditLog } from './audit-log.ts';
import { CHANGES, Changing, type ChangeName } from './changing.ts';
import { checkChangesAllowed, checkCredential, checkOrigin, isOurHost, type GuardedRequest } from './credential.ts';
import { nobodyTold } from './gateway-processes.ts';
import type { GatewayProcesses } from './gateway-question.ts';
import { json } from './json.ts';
import { Reading, type In, type Out } from './reading.ts';

/** Who may change something, and where that is written down. */
export interface AdminChanges {
  /** The bearer credential; at least 16 characters. */
  readonly credential: string;
  /** A file that each change is added to before it happens. Default: changes are in the log alone. */
  readonly auditFile?: string | undefined;
  /** Whether the credential may travel unencrypted to an address that is not this machine's alone. Default false. */
  readonly mayTravel?: boolean;
}

/** What the admin server of a gateway tells of. */
export interface AdminServerOptions {
  /** Where it listens: not where strangers are. */
  readonly listen: ListenAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** The processes of the gateway: `oneProcess(new LocalGateway(…))`, or those that this one has started. */
  readonly processes: GatewayProcesses;
  /** Default: nothing can be changed. */
  readonly changes?: AdminChanges | undefined;
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Tools {
  readonly reading: Reading;
  readonly changing: Changing;
  readonly audit: AuditLog;
  readonly isChangeable: boolean;
}

type Handlers = {
  readonly [Key in keyof (typeof adminContract)['operations']]: (input: In<Key>, from: string) => Promise<Out<Key>>;
};

const MOST_BODY = 256 * 1024;

/**
 * Serves what operators and their tools ask of a gateway, as `GET /openapi.json` has it, with `/metrics` and `/health/…`. Everything can be
 * asked without a credential, and shows no secret; changes need one, and are in the audit log before they happen.
 * @throws UNAVAILABLE when the address can't be listened at
 * @throws MISCONFIGURED when the credential is too short or would travel in the open, or the audit log can't be written
 */
export async function serveAdmin(options: AdminServerOptions): Promise<NetServer> {
  const { listen, clock, random, telemetry, processes, changes } = options;
  if (changes !== undefined) checkChangesAllowed(changes.credential, listen, changes.mayTravel ?? false);
  const audit = await openAuditLog({ file: changes?.auditFile, telemetry, clock, random });
  const tools: Tools = {
    reading: new Reading(processes, clock),
    changing: new Changing(processes, audit),
    audit,
    isChangeable: changes !== undefined,
  };
  const handlers = handlersOf(tools);

  async function answerOf(request: ServerRequest): Promise<AdminAnswer> {
    const { head, peer } = request;
    const guarded = guardedOf(request);
    if (!isOurHost(guarded, listen)) {
      throw fail('FOREIGN_PAGE', 'This admin server does not answer to that name.');
    }
    const method = head.method === 'HEAD' ? 'GET' : head.method;
    const plain = method === 'GET' ? await plainAnswer(head.target, processes, telemetry, () => server.url) : undefined;
    if (plain !== undefined) return plain;
    const found = findOperation(adminContract, method, head.target);
    if (found.kind === 'not-found') {
      const there = 'There are /status, /config, /history, /routes, /clusters and more; /openapi.json has all.';
      throw fail('NO_ROUTE', there);
    }
    if (found.kind === 'method-not-allowed') {
      const message = `This answers ${found.allow.join(', ')}.`;
      throw fail('METHOD_NOT_ALLOWED', message);
    }
    const { operation } = found;
    const from = peer.address === '' ? 'unix' : peer.address;
    if (CHANGES.has(operation.name)) await guard(operation, guarded, from);
    const body = method === 'POST' ? (await request.body(MOST_BODY)).toString('utf8') : undefined;
    const input = decodeCall(operation, { path: head.target, body });
    // `as`: the operation's own handler, given what its own contract has read.
    const handler = handlers[operation.name as keyof Handlers] as (input: unknown, from: string) => Promise<never>;
    return { status: 200, type: 'application/json', body: encodeOutput(operation, await handler(input, from)) };
  }

  /** Who has not got the credential is written down, too. */
  async function guard(operation: Operation, guarded: GuardedRequest, from: string): Promise<void> {
    try {
      checkOrigin(guarded);
      checkCredential(guarded, changes?.credential);
    } catch (error) {
      const code = error instanceof FairleadError ? error.code : 'INTERNAL';
      // `as`: it is one of CHANGES.
      await audit.refused({ action: operation.name as ChangeName, who: 'unknown', from, target: {} }, code);
      throw error;
    }
  }

  const server = await serve({
    listen,
    clock,
    onRequest(request) {
      answerOf(request).then(
        (answer) => send(request, answer),
        (error: unknown) => send(request, failure(error, telemetry)),
      );
    },
    refusal: ({ message }) => ({ status: 400, fields: { 'content-type': 'text/plain' }, body: `${message}\n` }),
  }).catch(async (error: unknown) => {
    await audit.close();
    throw error;
  });
  void server.closed.then(() => audit.close());
  return server;
}

function handlersOf({ reading, changing, audit, isChangeable }: Tools): Handlers {
  return {
    getStatus: () => reading.status(isChangeable ? 'on' : 'off'),
    getConfig: () => reading.config(),
    getSnapshot: () => reading.snapshot(),
    getHistory: () => reading.history(),
    getListeners: () => reading.listeners(),
    getRoutes: (input) => reading.routes(input),
    getConsumers: (input) => reading.consumers(input),
    getLimits: (input) => reading.limits(input),
    getClusters: () => reading.clusters(),
    getPolicies: () => reading.policies(),
    getCache: (input) => reading.cache(input),
    explainRequest: async ({ from: clientAddress, ...request }) =>
      withoutGaps(await reading.explain({ ...request, clientAddress })),
    explainTarget: async (request) => withoutGaps(await reading.explain(request)),
    getChanges: async () => ({
      changes: audit.recent.toReversed().map(({ target, ...line }) => ({ ...line, target: json(target) })),
    }),
    purgeCache: (input, from) => changing.purge(input, from),
    ejectEndpoint: (input, from) => changing.eject(input, from),
    restoreEndpoint: (input, from) => changing.restore(input, from),
    reloadConfig: (input, from) => changing.reload(input, from),
  };
}

/** An explanation as JSON carries it. */
function withoutGaps(explanation: Explanation): Out<'explainRequest'> {
  // `as`: the contract has what an explanation has; that it fits is checked when it is sent.
  return json(explanation) as Out<'explainRequest'>;
}

/** What is no operation of the contract. */
async function plainAnswer(
  target: string,
  processes: GatewayProcesses,
  telemetry: Telemetry,
  url: () => string,
): Promise<AdminAnswer | undefined> {
  switch (target.split('?', 1)[0]) {
    case '/metrics':
      return { status: 200, type: telemetry.metrics.contentType, body: await expositionOf(processes) };
    case '/openapi.json':
      return jsonAnswer(200, adminOpenApi(url()));
    case '/health/live':
      return jsonAnswer(200, { status: 'ok' });
    case '/health/ready': {
      const told = await processes.ask('status', {});
      const isReady = told.some((each) => each.kind === 'told' && !each.answer.isDraining);
      return isReady ? jsonAnswer(200, { status: 'ok' }) : jsonAnswer(503, { status: 'draining' });
    }
    default:
      return undefined;
  }
}

/** Their metrics; several processes tell theirs as one. */
async function expositionOf(processes: GatewayProcesses): Promise<string> {
  const told = await processes.ask('metrics', {});
  const texts = told.flatMap((each) => (each.kind === 'told' ? [each.answer] : []));
  if (texts.length === 0) throw nobodyTold();
  return texts.join('');
}

function guardedOf({ head }: ServerRequest): GuardedRequest {
  return { host: head.host, origin: head.fields.get('origin'), authorization: head.fields.get('authorization') };
}

/** What went wrong, as a problem document; what is nobody's business is in the log only. */
function failure(error: unknown, telemetry: Telemetry): AdminAnswer {
  if (error instanceof FairleadError && error.kind !== 'internal') return problem(error);
  telemetry.log.error(undefined, 'the admin server could not answer', { error });
  return problem(new FairleadError('internal', 'INTERNAL', 'It could not be told; the log says why.'));
}

function problem(error: FairleadError): AdminAnswer {
  const document = toProblem(error);
  const status = STATUS_OVERRIDES[error.code] ?? document.status;
  return { status, type: PROBLEM_CONTENT_TYPE, body: JSON.stringify({ ...document, status }) };
}

function jsonAnswer(status: number, value: object): AdminAnswer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

function send(request: ServerRequest, { status, type, body }: AdminAnswer): void {
  request.answer(status, { 'content-type': type, 'cache-control': 'no-store' }, body);
}
