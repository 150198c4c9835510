import type { Random } from '@fairlead/core';
import type { Policy } from '@fairlead/policy';
import type { CompiledRoute, Destination } from './compiled-route.ts';
import type { DeadlineLine } from './deadlines.ts';
import type { Filter, Passage } from './filter.ts';
import type { OutcomeReport, Rubric } from './outcome-report.ts';

/** A route at work: its filters made, its deadline and its policy at hand. */
export class LiveRoute {
  // What every request looks at comes first: of many routes, each line of memory is far away.
  readonly route: CompiledRoute;
  readonly deadline: DeadlineLine | undefined;
  /** The same, where it is for the upstream's silence. */
  readonly silence: DeadlineLine | undefined;
  /** Where all requests go, if that is one place. */
  readonly #only: string | undefined;
  readonly filters: readonly Filter[];
  readonly policy: Policy | undefined;
  /** That of the last request, whose method is mostly the next one's. */
  #usual: Rubric | undefined;
  /** Whether a filter makes something of answers. */
  readonly isRevising: boolean;
  /** Those that want to see answers, and ends. */
  readonly #answerFilters: readonly Filter[];
  readonly #endFilters: readonly Filter[];
  /** All filters, with those that stand inside another. */
  readonly made: readonly Filter[];
  readonly #report: OutcomeReport;
  readonly #rubrics = new Map<string, Rubric>();
  readonly #destinations: readonly Destination[];
  readonly #weights: number;

  constructor(
    route: CompiledRoute,
    parts: {
      readonly filters: readonly Filter[];
      readonly made: readonly Filter[];
      readonly deadline: DeadlineLine | undefined;
      readonly policy: Policy | undefined;
      readonly report: OutcomeReport;
    },
  ) {
    this.route = route;
    this.filters = near(parts.filters);
    this.made = near(parts.made);
    this.isRevising = parts.filters.some((filter) => filter.revise !== undefined);
    this.#answerFilters = near(parts.filters.filter((filter) => filter.answer !== undefined));
    this.#endFilters = near(parts.filters.filter((filter) => filter.ended !== undefined));
    this.deadline = parts.deadline;
    this.silence = route.timesSilence === true ? parts.deadline : undefined;
    this.policy = parts.policy;
    this.#report = parts.report;
    this.#destinations = route.destinations.filter(({ weight }) => weight > 0);
    this.#only = this.#destinations.length > 1 ? undefined : (this.#destinations[0]?.cluster ?? '');
    this.#weights = this.#destinations.reduce((sum, { weight }) => sum + weight, 0);
  }

  rubric(method: string): Rubric {
    if (this.#usual?.method !== method) {
      this.#usual = this.#rubrics.get(method) ?? this.#report.rubric(method, this.route, this.#rubrics);
    }
    return this.#usual;
  }

  /** Filters may edit an answer whose head is there. */
  answered(passage: Passage, status: number): void {
    for (const filter of this.#answerFilters) filter.answer?.(passage, status);
  }

  /** Filters hear of the end. */
  ended(passage: Passage, status: number, cause: string | undefined, durationMs: number): void {
    if (this.#endFilters.length === 0) return;
    const outcome = { status, cause, durationMs };
    for (const filter of this.#endFilters) filter.ended?.(passage, outcome);
  }

  /** A destination by chance and weight; empty when there is none. */
  cluster(random: Random): string {
    if (this.#only !== undefined) return this.#only;
    let left = random.next() * this.#weights;
    for (const { cluster, weight } of this.#destinations) {
      left -= weight;
      if (left < 0) return cluster;
    }
    return this.#destinations[0]?.cluster ?? '';
  }
}

const NONE: readonly Filter[] = [];

/** Those who have no filters share that they have none: of many routes, a list of each one's own is in memory that is far away. */
function near(filters: readonly Filter[]): readonly Filter[] {
  return filters.length === 0 ? NONE : filters;
}
