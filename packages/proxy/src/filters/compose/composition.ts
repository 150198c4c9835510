import { FairleadError } from '@fairlead/core';
import type { FilterWorld, LocalAnswer, Passage, SideRequest } from '../../engine/filter.ts';
import { composedAnswer } from './composed-answer.ts';
import { partFailure, partResult, unasked, type PartResult } from './part-result.ts';
import type { Plan, PlannedPart } from './plan.ts';
import { partRequest, WHENCE } from './part-request.ts';

const GONE: LocalAnswer = { status: 499, cause: 'CANCELLED', detail: 'Nobody waits for this any more.' };

/** What a composition is made with. */
export interface CompositionOptions {
  readonly plan: Plan;
  /** Fields of the request that go on with every part. */
  readonly forwarded: readonly string[];
  /** Parts under way at once. */
  readonly parallel: number;
  readonly maxBytes: number;
  readonly partialAs: string;
  ask: FilterWorld['ask'];
  /** Told how each part ended: `ok`, `nothing`, or the code of its failure. */
  partEnded(part: string, outcome: string): void;
}

/**
 * One request that is answered of several parts. A part is asked as soon as those that it waits for have ended, in the order in which
 * they are written when there are more than may be under way. The first failure of a part that must be there ends it: the
 * engine cancels what is still under way for a request that is over.
 */
export class Composition {
  readonly #options: CompositionOptions;
  readonly #passage: Passage;
  readonly #parameters: Readonly<Record<string, string>>;
  readonly #waiting: Set<PlannedPart>;
  readonly #results = new Map<string, PartResult>();
  /** What templates may hold. */
  readonly #answered = new Map<string, unknown>();
  #underWay = 0;
  readonly #end = Promise.withResolvers<LocalAnswer>();
  #isOver = false;

  constructor(options: CompositionOptions, passage: Passage, parameters: Readonly<Record<string, string>>) {
    this.#options = options;
    this.#passage = passage;
    this.#parameters = parameters;
    this.#waiting = new Set(options.plan.parts);
  }

  /** Resolves with the answer when all parts have ended, or the whole can't be had. */
  run(): Promise<LocalAnswer> {
    this.#next();
    return this.#end.promise;
  }

  #next(): void {
    for (const part of this.#waiting) {
      if (this.#isOver || this.#underWay >= this.#options.parallel) return;
      if (![...part.after].every((name) => this.#results.has(name))) continue;
      this.#waiting.delete(part);
      this.#begin(part);
    }
    if (this.#isOver || this.#underWay > 0) return;
    // One that could not be asked may have set others free.
    if (this.#waiting.size > 0) return this.#next();
    const { plan, maxBytes, partialAs, forwarded } = this.#options;
    const made = new Set([...WHENCE, ...plan.madeFields, ...(this.#passage.upstreamEdits?.keys() ?? [])]);
    const dependence = { forwarded: new Set(forwarded), made, askedBy: plan.askedBy, isPersonal: plan.isPersonal };
    this.#over(composedAnswer(plan, this.#results, { maxBytes, partialAs, dependence }));
  }

  #begin(part: PlannedPart): void {
    const { forwarded, ask } = this.#options;
    const sources = { passage: this.#passage, parameters: this.#parameters, parts: this.#answered };
    const request = partRequest(part, sources, forwarded);
    if ('why' in request) return this.#ended(part, unasked(part, request.whose, request.why));
    this.#underWay += 1;
    void this.#ask(part, request, ask).then((result) => {
      this.#underWay -= 1;
      this.#ended(part, result);
      this.#next();
    });
  }

  /** Never rejects. */
  async #ask(part: PlannedPart, request: SideRequest, ask: FilterWorld['ask']): Promise<PartResult> {
    try {
      return partResult(part, await ask(request));
    } catch (error) {
      // The request is over, and so is whatever would still be asked for it.
      if (error instanceof FairleadError && error.kind === 'cancelled') this.#over(GONE);
      return partFailure(part, error);
    }
  }

  #ended(part: PlannedPart, result: PartResult): void {
    if (this.#isOver) return;
    const { name } = part;
    const outcome = result.kind === 'value' ? 'ok' : result.kind === 'nothing' ? 'nothing' : result.answer.cause;
    this.#options.partEnded(name, outcome);
    this.#results.set(name, result);
    if (result.kind === 'value') this.#answered.set(name, result.answered);
    if (result.kind === 'failed' && part.isRequired) this.#over(result.answer);
  }

  #over(answer: LocalAnswer): void {
    this.#isOver = true;
    this.#waiting.clear();
    this.#end.resolve(answer);
  }
}
