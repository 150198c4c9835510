// A gateway in several processes that share its addresses. This is the first one, which serves no request itself:
//   main.ts           a member: an engine, told by IPC what to run; fleet-messages.ts is what is said
//   limit-ledger.ts   asked-limits.ts   limits that all members count together, and how they ask; ledger-reports.ts who is near
//   merged-metrics.ts                   metrics of all as those of one
//   workers.ts                          starts, replaces and ends processes
import { fileURLToPath } from 'node:url';
import { FairleadError, type Clock, type Closeable, type Random, type Timer } from '@fairlead/core';
import type { Metrics } from '@fairlead/telemetry';
import type { GatewayProcesses, QuestionName, Told } from '../admin/gateway-question.ts';
import type { SwapHistory } from '../admin/swap-history.ts';
import type { LimitReport, NearAsk } from '../engine/filter.ts';
import { fail } from '../errors.ts';
import { isFromMember, type FromMember, type MemberConfiguration, type ToMember } from './fleet-messages.ts';
import { ledgerReports } from './ledger-reports.ts';
import { LimitLedger } from './limit-ledger.ts';
import { countedMetrics, mergedMetrics } from './merged-metrics.ts';
import { startWorkers, type WorkerLink } from './workers.ts';

/** How a fleet is run. */
export interface FleetOptions {
  readonly configuration: MemberConfiguration;
  /** How many processes; usually one a core. At least 1. */
  readonly count: number;
  /** How members write their lines, to standard error. */
  readonly logFormat: 'pretty' | 'json';
  /** How long requests under way have when a member ends, in milliseconds. */
  readonly graceMs: number;
  /** Told when a member ends unasked. */
  readonly onCrash: (member: { readonly pid: number | undefined; readonly how: string }) => void;
  /** Told when another one serves in its place. */
  readonly onMended: (member: { readonly pid: number | undefined }) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** The processes of a gateway. */
export interface Fleet extends Closeable {
  /** Where each listener is reached, by its name. */
  readonly urls: ReadonlyMap<string, string>;
  /** Hash of what all run. */
  readonly hash: string;
  /** Of those that serve now. */
  readonly pids: readonly number[];
  readonly isDraining: boolean;
  /**
   * All members take another text, or none of them does; `hash` is what they must read in it.
   * @throws what one of them refuses it with, WORKER_FAILED when one reads another hash; all run then what they ran before
   */
  take(text: string, hash: string): Promise<void>;
  /** The members, to be asked by operators; some questions this process answers. */
  processes(own: OwnAnswers): GatewayProcesses;
  /**
   * Puts new processes in the place of all, one by one, so that no connection is refused.
   * @throws WORKER_FAILED when a new one doesn't get ready; the old ones then stay
   */
  restart(): Promise<void>;
  /** Kills all at once. */
  cut(): void;
}

/** What the first process answers operators by itself. */
export interface OwnAnswers {
  readonly history: Pick<SwapHistory, 'swaps'>;
  /** Reads the configuration now; resolves when it is in the history what became of it. */
  readonly reload: () => Promise<void>;
  /** Its own, which are added to those of members, also of those that have ended. */
  readonly metrics: Pick<Metrics, 'exposition'>;
}

/** How long a member may take to answer. */
const ANSWER_MS = 60_000;
/** Beyond its grace, until a member that doesn't end is killed. */
const LATE_MS = 3_000;

/** Questions that all members answer alike. */
const ALIKE: ReadonlySet<QuestionName> = new Set<QuestionName>(['config', 'snapshot', 'explain']);

type Question =
  | { readonly kind: 'load'; readonly text: string }
  | { readonly kind: 'take' | 'back' }
  | { readonly kind: 'ask'; readonly name: QuestionName; readonly question: object };

interface Member {
  readonly link: WorkerLink;
  readonly answers: Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;
  /** What it has told of its metrics last. */
  metrics: string;
  /** Whether that has been counted as what it told at its end. */
  isCounted: boolean;
  /** Of what it runs; `undefined` before it listens. */
  hash: string | undefined;
}

/**
 * Starts a gateway in several processes. This process must be the primary one of its `node:cluster`, and has one of these.
 * @throws what a member refuses the configuration with, WORKER_FAILED when one ends before it listens
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { clock, random, graceMs, logFormat } = options;
  const isSource = import.meta.url.endsWith('.ts');
  const ledger = new LimitLedger();
  const members = new Map<WorkerLink, Member>();
  /** Members that have ended, for as long as what they have said may still come. */
  const late = new Map<WorkerLink, { readonly metrics: string; readonly timer: Timer }>();
  let { text } = options.configuration;
  let hash = '';
  let urls: ReadonlyMap<string, string> = new Map();
  let ended = '';
  let refused: FairleadError | undefined;
  let isDraining = false;
  let lastId = 0;
  let working: Promise<unknown> = Promise.resolve();

  function ask(member: Member, message: Question): Promise<unknown> {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(ANSWER_MS, () => settle(() => reject(gone(member, 'does not answer'))));
      const settle = (then: () => void): void => {
        timer.cancel();
        member.answers.delete(id);
        then();
      };
      member.answers.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
      // `as`: with its number it is one of those.
      say(member.link, { ...message, id } as ToMember);
    });
  }

  function heard(link: WorkerLink, message: FromMember): void {
    if (message.kind === 'hello') {
      members.set(link, { link, answers: new Map(), metrics: '', isCounted: false, hash: undefined });
      return say(link, { kind: 'run', configuration: { ...options.configuration, text }, logFormat, graceMs });
    }
    if (message.kind === 'limits') {
      const nowMs = clock.monotonic();
      return say(link, { kind: 'verdicts', verdicts: message.asks.map((each) => ledger.decide(each, nowMs)) });
    }
    const member = members.get(link);
    if (message.kind === 'failed') {
      refused = new FairleadError(message.errorKind, message.code, message.message);
    } else if (message.kind === 'listening') {
      urls = new Map(Object.entries(message.urls));
      if (hash === '') ({ hash } = message);
      if (member !== undefined) member.hash = message.hash;
    } else if (message.kind === 'counted') {
      counted(link, message.metrics);
    } else if (message.kind === 'done') {
      member?.answers.get(message.id)?.resolve(message.value);
    } else {
      member?.answers.get(message.id)?.reject(new FairleadError(message.errorKind, message.code, message.message));
    }
  }

  /** What a member has told at its end, or told last, stays in the sum. */
  function count(metrics: string): void {
    ended = mergedMetrics([ended, countedMetrics(metrics)]);
  }

  function left(link: WorkerLink): void {
    const member = members.get(link);
    members.delete(link);
    if (member === undefined) return;
    for (const { reject } of member.answers.values()) reject(gone(member, 'has ended'));
    if (member.isCounted) return;
    // What it has said at its end may still be on its way.
    const timer = clock.setTimer(LATE_MS, () => {
      late.delete(link);
      count(member.metrics);
    });
    late.set(link, { metrics: member.metrics, timer });
  }

  function counted(link: WorkerLink, metrics: string): void {
    late.get(link)?.timer.cancel();
    late.delete(link);
    count(metrics);
    const member = members.get(link);
    if (member === undefined) return;
    member.isCounted = true;
    member.metrics = '';
  }

  /** One thing at a time: members take what others take, and who has just begun takes it too. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = working.then(work);
    working = done.catch(() => undefined);
    return done;
  }

  /** Asks all, and leaves out those that end meanwhile: others come in their place, with what is at work then. */
  async function askAll(asked: readonly Member[], message: Question): Promise<readonly unknown[]> {
    const answers = await Promise.all(
      asked.map(async (member) => {
        try {
          return [await ask(member, message)];
        } catch (error) {
          if (members.has(member.link)) throw error;
          return [];
        }
      }),
    );
    return answers.flat();
  }

  async function take(next: string, nextHash: string): Promise<void> {
    const asked = listening();
    const read = await askAll(asked, { kind: 'load', text: next });
    if (read.some((each) => each !== nextHash))
      throw fail('WORKER_FAILED', 'The processes do not read the same: a file beside the configuration has changed.');
    // What one refuses the others need not try.
    const [first, ...rest] = asked;
    await askAll(first === undefined ? [] : [first], { kind: 'take' });
    try {
      await askAll(rest, { kind: 'take' });
    } catch (error) {
      await askAll(asked, { kind: 'back' }).catch(() => undefined);
      throw error;
    }
    text = next;
    hash = nextHash;
    for (const member of asked) member.hash = hash;
    await catchUp();
  }

  /** Those that began while the others took something else; one that can't is ended, and begun again with what is at work. */
  async function catchUp(): Promise<void> {
    for (const member of listening().filter((each) => each.hash !== hash)) {
      try {
        await ask(member, { kind: 'load', text });
        await ask(member, { kind: 'take' });
        member.hash = hash;
      } catch {
        member.link.kill();
      }
    }
  }

  const listening = (): readonly Member[] => [...members.values()].filter((member) => member.hash !== undefined);

  /** What one member says. */
  async function told(member: Member, name: QuestionName, question: object): Promise<Told<unknown>> {
    const pid = member.link.pid ?? 0;
    try {
      return { kind: 'told', pid, answer: await ask(member, { kind: 'ask', name, question }) };
    } catch (error) {
      if (error instanceof FairleadError && error.code !== 'WORKER_FAILED') throw error;
      return { kind: 'silent', pid, why: error instanceof Error ? error.message : String(error) };
    }
  }

  async function metricsOf(own: OwnAnswers['metrics']): Promise<string> {
    await Promise.all(
      listening().map(async (member) => {
        const said = await told(member, 'metrics', {});
        // What a silent one told last is still true of what it has counted.
        if (said.kind === 'told' && !member.isCounted) member.metrics = String(said.answer);
      }),
    );
    const held = [...members.values(), ...late.values()].map(({ metrics }) => metrics);
    return mergedMetrics([await own.exposition(), ended, ...held]);
  }

  async function askFor(name: QuestionName, question: object, own: OwnAnswers): Promise<readonly Told<unknown>[]> {
    const mine = (answer: unknown): readonly Told<unknown>[] => [{ kind: 'told', pid: process.pid, answer }];
    if (name === 'metrics') return mine(await metricsOf(own.metrics));
    if (name === 'history') return mine(own.history.swaps);
    if (name === 'reload') {
      await own.reload();
      return mine(own.history.swaps.at(-1));
    }
    const all = listening();
    // What they have read is the same, and takes each of them its time.
    const asked = ALIKE.has(name) ? all.slice(0, 1) : all;
    const said = await Promise.all(asked.map((member) => told(member, name, question)));
    if (name !== 'limits') return said;
    // `as`: members answer this question so, and are asked so.
    const reports = said.flatMap((each) => (each.kind === 'told' ? (each.answer as readonly LimitReport[]) : []));
    return [...said, ...mine(ledgerReports(ledger, reports, question as NearAsk, clock.monotonic()))];
  }

  const workers = await startWorkers({
    module: fileURLToPath(new URL(isSource ? './main.ts' : './main.js', import.meta.url)),
    count: options.count,
    execArgv: [...process.execArgv, ...(isSource ? ['--conditions=@fairlead/source'] : [])],
    clock,
    random,
    graceMs: graceMs + LATE_MS,
    onCrash: options.onCrash,
    onMended(worker) {
      void inTurn(catchUp);
      options.onMended(worker);
    },
    onMessage: (link, message) => {
      if (isFromMember(message)) heard(link, message);
    },
    onEnd: left,
  }).catch((error: unknown) => {
    throw refused ?? error;
  });

  const self: Fleet = {
    get urls() {
      return urls;
    },
    get hash() {
      return hash;
    },
    get pids() {
      return workers.pids;
    },
    get isDraining() {
      return isDraining;
    },
    take: (next, nextHash) => inTurn(() => take(next, nextHash)),
    processes: (own) => ({
      // `as`: members answer each question by its kind.
      ask: async (name, question) => (await askFor(name, question, own)) as readonly Told<never>[],
    }),
    restart: () =>
      inTurn(async () => {
        refused = undefined;
        await workers.restart().catch((error: unknown) => {
          throw refused ?? error;
        });
      }),
    cut: () => workers.cut(),
    async close() {
      isDraining = true;
      await workers.close();
      for (const { timer } of late.values()) timer.cancel();
    },
    [Symbol.asyncDispose]: () => self.close(),
  };
  return self;
}

function say(link: WorkerLink, message: ToMember): void {
  link.send(message);
}

function gone({ link }: Member, what: string): FairleadError {
  return fail('WORKER_FAILED', `The process ${link.pid} ${what}.`);
}
