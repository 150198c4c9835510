import { FairleadError, realTurn, seededRandom, type Clock, type ErrorKind, type SeededRandom } from '@fairlead/core';
import { Wakeup } from '@fairlead/store';
import { fail } from '../errors.ts';
import { calledBy, callKey, difference, type CallKind, type SagaRecord } from './journal.ts';
import type { AnySaga, SagaDuration, SagaFailure, StepRetry } from './saga-types.ts';

/** What is to be done for a call. */
export type CallSpec =
  | EffectSpec
  | { readonly kind: 'sleep'; readonly delayMs: number }
  | { readonly kind: 'signal'; readonly timeoutMs: number | undefined }
  | { readonly kind: 'child'; readonly saga: AnySaga; readonly input: unknown; readonly id: string };

/** A step or transaction: what does it, and takes it back. */
export interface EffectSpec {
  readonly kind: 'step' | 'transaction';
  /** The Context or transaction, and the kit: both what the saga was written for. */
  readonly work: (at: never, kit: never) => unknown;
  readonly undo: ((at: never, result: never, kit: never) => unknown) | undefined;
  readonly retry: StepRetry | undefined;
  readonly timeout: SagaDuration | undefined;
}

/** Something that a saga's function has asked for. */
export interface Call {
  readonly key: string;
  readonly name: string;
  readonly occurrence: number;
  readonly spec: CallSpec;
  /** Whether the function has its answer. */
  settled: boolean;
  /** Whether its beginning is recorded, for what has one. */
  begun: boolean;
  /** Until when it waits, once that is recorded. */
  until: number | undefined;
  /** Which record ended it well, by place in the journal, and with what. */
  done: { readonly place: number; readonly result: unknown } | undefined;
}

/** What a function's run is made of. */
export interface ExecutionFacts {
  readonly runId: string;
  readonly seed: string;
  readonly startedAt: number;
  readonly input: unknown;
}

/** How a function ended. */
export type FunctionEnd =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown };

interface OpenCall extends Call {
  answer(record: SagaRecord): void;
  refuse(failure: SagaFailure): void;
}

/** Calls of `now`, `random` and `id` between two turns that no sane code makes. */
const MAX_IDLE_CALLS = 1_000_000;
const MAX_NAME = 200;
const NO_REASON: SagaFailure = { code: 'SAGA_CANCELLED', kind: 'cancelled', message: 'The run was cancelled.' };

/**
 * A saga's function, run on a journal. Records are delivered one at a time, each once the function has done all that it does
 * without waiting: so the order of its calls follows from the journal, and that of a replay is that of the first time.
 * Does nothing of what the function asks for.
 */
export class Execution {
  readonly facts: ExecutionFacts;
  readonly journal: SagaRecord[];
  readonly #saga: AnySaga;
  readonly #calls = new Map<string, OpenCall>();
  readonly #counts = new Map<string, number>();
  readonly #patches = new Map<string, boolean>();
  readonly #recordedPatches: ReadonlySet<string>;
  #progress = new Wakeup();
  readonly #random: SeededRandom;
  #fresh: (Call | SagaRecord)[] = [];
  #delivered = 0;
  #asked = 0;
  #idleCalls = 0;
  #nowMs: number;
  /** Whether the function goes on now: begun or told something, and not yet seen to wait. */
  #awake = false;
  #end: FunctionEnd | undefined;
  #cancelled: SagaFailure | undefined;
  #broken: SagaFailure | undefined;
  /** Told that the function has asked for something or ended. */
  onProgress: () => void = () => {};

  constructor(saga: AnySaga, facts: ExecutionFacts, journal: readonly SagaRecord[]) {
    this.#saga = saga;
    this.facts = facts;
    this.journal = [...journal];
    this.#nowMs = facts.startedAt;
    this.#random = seededRandom(facts.seed);
    this.#recordedPatches = new Set(journal.filter(({ kind }) => kind === 'patch').map(({ name }) => name));
  }

  /** How the function ended, once it has. */
  get end(): FunctionEnd | undefined {
    return this.#end;
  }
  /** Set once the run was cancelled. */
  get cancelled(): SagaFailure | undefined {
    return this.#cancelled;
  }
  /** Why it must not go on. */
  get broken(): SagaFailure | undefined {
    return this.#broken;
  }
  /** In the order in which they were asked for. */
  get calls(): Iterable<Call> {
    return this.#calls.values();
  }
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Begins the function; `s` is what it is given. */
  begin(s: unknown): void {
    this.#awake = true;
    const ended = (end: FunctionEnd): void => {
      this.#end = end;
      this.#moved();
    };
    // The definition's own context and input; a function that throws before its first await has thrown all the same.
    const run = async (): Promise<unknown> => this.#saga.run(s as never, this.facts.input as never);
    run().then(
      (value) => ended({ kind: 'returned', value }),
      (error: unknown) => ended({ kind: 'threw', error }),
    );
  }

  /**
   * Delivers the whole journal. Resolves to why the code does not fit it, or to `undefined`.
   * @param patienceMs how long the function may wait for something else
   */
  async replay(clock: Clock, patienceMs: number): Promise<SagaFailure | undefined> {
    for (;;) {
      await realTurn();
      if (this.#broken !== undefined) return this.#broken;
      if (this.#delivered === this.journal.length) return undefined;
      if (this.#deliver()) continue;
      const asked = this.#asked;
      const ended = this.#end;
      // A new one: rings of before are no progress.
      this.#progress = new Wakeup();
      await this.#progress.sleep(clock, patienceMs);
      if (asked === this.#asked && ended === this.#end) return this.#different();
    }
  }

  /** Whether records were added that are not delivered. */
  get behind(): boolean {
    return this.#delivered < this.journal.length;
  }

  /** Delivers the next record that was added to the journal. The function has reacted after the next turn. */
  deliver(): void {
    this.#deliver();
  }

  /** Has it not go on: what is wrong is not the function's to handle. */
  stop(failure: SagaFailure): void {
    this.#broken ??= failure;
    this.#moved();
  }

  /** Takes a function that is cancelled and goes on with something of its own for one that has thrown. */
  abandon(): void {
    this.#end ??= { kind: 'threw', error: errorOf(this.#cancelled ?? NO_REASON) };
  }

  /** Whether there is something for `takeFresh`. */
  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** What the function has asked for since the last time, and records for what is decided at once, in order. */
  takeFresh(): readonly (Call | SagaRecord)[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#awake = false;
    return fresh;
  }

  /** What the function waits for. */
  open(): Call[] {
    return [...this.#calls.values()].filter(({ settled }) => !settled);
  }

  call<Result>(name: string, spec: CallSpec): Promise<Result> {
    if (name === '' || name.length > MAX_NAME || name.includes('\0'))
      throw fail(
        'SAGA_INVALID',
        `A ${spec.kind} can't be called ${JSON.stringify(name)}: 1 to ${MAX_NAME} characters.`,
      );
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    // Whoever waits for it hears of a failure; nobody has to.
    promise.catch(() => {});
    this.#asked += 1;
    const { maxSteps } = this.#saga.options;
    if (this.#asked > maxSteps || this.#end !== undefined) {
      if (this.#end === undefined)
        this.#break(
          'SAGA_TOO_LONG',
          `it has asked for more than ${maxSteps} steps (maxSteps). Divide it into children.`,
        );
      return promise;
    }
    const occurrence = this.#count(spec.kind, name);
    const key = callKey(spec.kind, name, occurrence);
    const call: OpenCall = {
      key,
      name,
      occurrence,
      spec,
      settled: false,
      begun: false,
      until: undefined,
      done: undefined,
      answer(record) {
        call.settled = true;
        if (record.failure === undefined) resolve(record.result as Result); // what the step came to, as JSON made it
        else reject(errorOf(record.failure));
      },
      refuse(failure) {
        call.settled = true;
        reject(errorOf(failure));
      },
    };
    this.#calls.set(key, call);
    if (this.#cancelled === undefined) this.#fresh.push(call);
    else call.refuse(this.#cancelled);
    this.#moved();
    return promise;
  }

  patch(change: string): boolean {
    this.#idle();
    const known = this.#patches.get(change);
    if (known !== undefined) return known;
    const recorded = this.#recordedPatches.has(change);
    const taken = recorded || this.#delivered === this.journal.length;
    this.#patches.set(change, taken);
    if (taken && !recorded) this.#fresh.push({ kind: 'patch', name: change, occurrence: 1, at: this.#nowMs });
    return taken;
  }

  now(): number {
    this.#idle();
    return this.#nowMs;
  }
  random(): number {
    this.#idle();
    return this.#random.next();
  }
  id(): string {
    this.#idle();
    const bytes = Buffer.from(this.#random.bytes(16));
    // RFC 9562, version 4.
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Delivers the next record. False when the function has not come to what it is about. */
  #deliver(): boolean {
    const record = this.journal[this.#delivered];
    if (record === undefined || !this.#fits(record)) return false;
    this.#delivered += 1;
    this.#nowMs = record.at;
    this.#awake = true;
    this.#idleCalls = 0;
    this.#apply(record);
    return true;
  }

  #fits(record: SagaRecord): boolean {
    const key = calledBy(record);
    if (key !== undefined) return this.#calls.has(key);
    if (record.kind === 'patch') return this.#patches.has(record.name);
    if (record.kind === 'fail') return this.#end?.kind === 'threw' || this.#cancelled !== undefined;
    return true;
  }

  #apply(record: SagaRecord): void {
    if (record.kind === 'cancel') {
      this.#cancelled = record.failure ?? NO_REASON;
      for (const call of this.#calls.values()) if (!call.settled) call.refuse(this.#cancelled);
      return;
    }
    const key = calledBy(record);
    const call = key === undefined ? undefined : this.#calls.get(key);
    if (call === undefined) return;
    if (record.kind.endsWith('-begun')) {
      call.begun = true;
      call.until = record.until;
      return;
    }
    if (record.failure === undefined) call.done = { place: this.#delivered, result: record.result };
    if (!call.settled) call.answer(record);
  }

  #count(kind: CallKind, name: string): number {
    const counted = (this.#counts.get(`${kind} ${name}`) ?? 0) + 1;
    this.#counts.set(`${kind} ${name}`, counted);
    return counted;
  }

  #idle(): void {
    if (!this.#awake)
      throw fail(
        'SAGA_INVALID',
        `${this.#saga.name} ${this.facts.runId}: now, random, id and patch are for the saga's function; within a step they would come out differently when it is run again. Call them before the step.`,
      );
    this.#idleCalls += 1;
    if (this.#idleCalls <= MAX_IDLE_CALLS) return;
    this.#break('SAGA_LOOPS', `it goes round and round without a step: ${MAX_IDLE_CALLS} calls of now, random and id.`);
    throw errorOf(this.#broken ?? { code: 'SAGA_LOOPS', kind: 'internal', message: '' });
  }

  #break(code: string, message: string): void {
    this.#broken ??= { code, kind: 'internal', message: `${this.#saga.name} ${this.facts.runId}: ${message}` };
    this.#moved();
  }

  #moved(): void {
    this.#progress.ring();
    this.onProgress();
  }

  #different(): SagaFailure {
    const asked = this.open().map(({ key }) => key);
    const recorded = new Set(this.journal.map(calledBy));
    const shown = asked.filter((key) => !recorded.has(key));
    const ended = this.#end === undefined ? undefined : `it has ${this.#end.kind}`;
    const record = this.journal[this.#delivered];
    const what = record === undefined ? '' : `${record.kind} ${record.name} #${record.occurrence}`;
    return {
      code: 'SAGA_DIVERGED',
      kind: 'conflict',
      message: `${this.#saga.name} ${this.facts.runId}: its journal has ${what} as record ${this.#delivered + 1}, and the code does not come to it. Restore the old code for runs like this one (s.patch), then retry it; or resolve it.\n${difference(this.journal, this.#delivered, shown, ended)}`,
    };
  }
}

/** A failure as the saga's function meets it. */
export function errorOf({ kind, code, message, details }: SagaFailure): FairleadError {
  // Written by failureFrom, or by code of another version whose kinds are more.
  return new FairleadError(kind as ErrorKind, code, message, details === undefined ? {} : { details });
}

/** What is kept of an error. */
export function failureFrom(error: unknown): SagaFailure {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll('\0', '').slice(0, 4_000);
  if (!(error instanceof FairleadError)) return { code: 'INTERNAL', kind: 'internal', message };
  const { code, kind, details } = error;
  return Object.keys(details).length === 0 ? { code, kind, message } : { code, kind, message, details: plain(details) };
}

function plain(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    // JSON of an object is an object's.
    return JSON.parse(JSON.stringify(details)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
