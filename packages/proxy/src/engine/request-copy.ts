import type { Timer } from '@fairlead/core';
import type { AttemptOutcome, Carried, Carrier, Picked, ResponseHead } from '@fairlead/net';
import { FAILURES, outcomeOf } from './attempt-outcome.ts';
import type { Edits } from './edited-lines.ts';
import type { Mirror } from './filter.ts';
import type { RequestPassage } from './request-passage.ts';
import { upstreamHead } from './upstream-head.ts';

/** What is counted where no copy is sent. */
const NOT_SENT = 'MIRROR_SKIPPED';
/** How whoever gets a copy knows that it is one. */
const MARK = 'x-fairlead-mirror';

/** A request has been sent: its copies follow, once. */
export function sendCopies(passage: RequestPassage, traceLines: string, edits: Edits | undefined): void {
  const { mirrors = [] } = passage;
  passage.mirrors = undefined;
  for (const mirror of mirrors) sendCopy(passage, mirror, traceLines, edits);
}

/**
 * Sends a copy of a request as it goes upstream, of which nobody waits for anything: its answer is read and dropped, and how it ended
 * is counted as a call to that cluster. A body that isn't whole in memory would have to be waited for; then there is no copy.
 */
function sendCopy(passage: RequestPassage, mirror: Mirror, traceLines: string, edits: Edits | undefined): void {
  const { core, snapshot, rubric, request, body } = passage;
  const isWhole = request.head.bodyBytes === 0 || body !== undefined;
  const picked = isWhole && mirror.hasRoom ? snapshot.clusters.get(mirror.cluster)?.pick() : undefined;
  if (picked === undefined) return core.report.attempted(rubric, mirror.cluster, NOT_SENT, 0);
  const marked = new Map([...(edits ?? []), [MARK, '1'] as const]);
  const head = upstreamHead(passage, picked.pool.hostLine, traceLines, marked, false);
  new RequestCopy(passage, mirror, picked, head).start();
}

/** A copy on its way. */
class RequestCopy implements Carried {
  readonly method: string;
  readonly offersUpgrade = false;
  readonly #passage: RequestPassage;
  readonly #mirror: Mirror;
  readonly #picked: Picked;
  readonly #headText: string;
  readonly #body: Buffer | undefined;
  readonly #startedAtMs: number;
  #timer: Timer | undefined;
  #carrier: Carrier | undefined;
  #head: ResponseHead | undefined;
  #isOver = false;

  constructor(passage: RequestPassage, mirror: Mirror, picked: Picked, headText: string) {
    this.method = passage.method;
    this.#passage = passage;
    this.#mirror = mirror;
    this.#picked = picked;
    this.#headText = headText;
    this.#body = passage.body;
    this.#startedAtMs = passage.core.clock.monotonic();
  }

  start(): void {
    this.#mirror.began();
    this.#picked.began();
    this.#timer = this.#passage.core.clock.setTimer(this.#mirror.timeoutMs, () => this.#late());
    this.#picked.pool.carry(this);
  }

  begin(carrier: Carrier): void {
    this.#carrier = carrier;
    carrier.latin1(this.#headText);
    if (this.#body !== undefined && this.#body.length > 0) carrier.bytes(this.#body);
    carrier.sent();
  }

  head(head: ResponseHead): void {
    if (head.status >= 200) this.#head = head;
  }

  data(): void {
    // Dropped.
  }

  end(): void {
    this.#over(this.#head === undefined ? 'reset' : outcomeOf(this.#head));
  }

  room(): void {
    // All that there is was given at once.
  }

  fail(reason: { readonly details: Readonly<Record<string, unknown>> }): void {
    this.#over(reason.details['processed'] === 'no' ? 'connect-failed' : 'reset');
  }

  #late(): void {
    const carrier = this.#carrier;
    if (carrier === undefined) this.#picked.pool.withdraw(this);
    else carrier.abandon();
    this.#over('timeout');
  }

  #over(outcome: AttemptOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    const { core, rubric } = this.#passage;
    const latencyMs = core.clock.monotonic() - this.#startedAtMs;
    const status = this.#head?.status ?? 0;
    const said = status >= 500 ? String(status) : FAILURES[outcome];
    core.report.attempted(rubric, this.#mirror.cluster, said, latencyMs);
    this.#picked.ended(outcome, latencyMs);
    this.#mirror.ended();
  }
}
