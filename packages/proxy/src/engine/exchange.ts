import { FairleadError } from '@fairlead/core';
import { hashOf } from '@fairlead/net';
import type { AttemptOutcome, Carried, Carrier, Fields, Picked, RequestOwner, ResponseHead } from '@fairlead/net';
import { AnsweringPassage, TEXT_AT_MOST_BYTES } from './answering-passage.ts';
import { FAILURES, outcomeOf } from './attempt-outcome.ts';
import { fail } from '../errors.ts';
import { OwnDeadline, type DeadlineLine } from './deadlines.ts';
import { brokenUpload, cutStatus, DRAINING, failureAnswer, overdueAnswer, unpickable } from './failures.ts';
import type { LocalAnswer } from './filter.ts';
import { HeldAnswer } from './held-answer.ts';
import { Patience } from './patience.ts';
import { PolicedAttempts, type Policed } from './policed-attempts.ts';
import { sendCopies } from './request-copy.ts';
import { tunnel } from './tunnel.ts';
import { UPGRADE_LINES, upstreamHead } from './upstream-head.ts';
import { Upload, type UploadEvents } from './upload.ts';
import { findWay } from './way.ts';

/**
 * One request on its way: it is what filters see, what a pool carries and what stands in a deadline line, so that a request
 * makes no other object that lasts. `start` → way.ts finds route and runs filters → `proceed` → `attempt` → `begin` →
 * `head` → `data` → `end`. Whatever happens, `#over` ends it, once.
 */
export class Exchange extends AnsweringPassage implements Carried, RequestOwner, Policed, UploadEvents {
  /** Its own among all that are under way. */
  #slot = 0;
  #picked: Picked | undefined;
  #carrier: Carrier | undefined;
  #attemptAtMs = 0;
  #patience: Patience | undefined;
  #tunnelled: (() => void) | undefined;
  /** How it ends, as soon as its policy has heard of it. */
  #ending: { readonly status: number; readonly cause: string | undefined; readonly because: unknown } | undefined;
  #hasRepeatedStale = false;
  #upload: Upload | undefined;
  #policed: PolicedAttempts | undefined;
  /** Nothing has been waited for yet: no time has passed. */
  #isStarting = false;
  #head: ResponseHead | undefined;
  #headAtMs = 0;
  /** An answer that its policy may not want. */
  #held: HeldAnswer | undefined;
  /** Another answer is told instead of the upstream's: what comes of that is passed over. */
  #isPassedOver = false;

  get upstreamMs(): number | undefined {
    return this.#head === undefined ? undefined : this.#headAtMs - this.#attemptAtMs;
  }

  /** Goes as far as nothing has to be waited for. */
  start(): void {
    this.request.owner = this;
    this.#slot = this.core.underWay.add(this);
    this.snapshot.began();
    this.#isStarting = true;
    try {
      findWay(this);
    } catch (error) {
      this.failed(error);
    } finally {
      this.#isStarting = false;
    }
  }

  /** All filters have let it through. */
  proceed(): void {
    const refused = this.takeBody();
    if (refused !== undefined) return this.answer(refused);
    this.trace.open(this, this.rubric);
    const policy = this.live?.policy;
    if (policy === undefined) return this.attempt(undefined);
    this.#policed = new PolicedAttempts(this, policy);
    this.#policed.run();
  }

  attempt(avoid: Picked | undefined, isFresh = false): void {
    if (this.isSettled) return;
    this.#dropHeld();
    const cluster = this.snapshot.clusters.get(this.cluster);
    const picked = cluster?.pick(this.hashKey === undefined ? undefined : hashOf(this.hashKey), avoid);
    this.#attemptAtMs = this.#isStarting ? this.startedAtMs : this.heard();
    if (picked === undefined) return this.#lost(unpickable(this.cluster, cluster?.refusal));
    this.#picked = picked;
    this.#policed?.wentTo(picked);
    this.trace.attempt(this, this.rubric, this.cluster);
    picked.began();
    picked.pool.carry(this, isFresh, this.#attemptAtMs);
  }

  begin(carrier: Carrier): void {
    this.#carrier = carrier;
    const { request, body } = this;
    const { bodyBytes } = request.head;
    const hostLine = this.#picked?.pool.hostLine ?? '';
    const head = upstreamHead(this, hostLine, this.trace.upstreamLines, this.lastEdits, this.offersUpgrade);
    if (this.mirrors !== undefined) sendCopies(this, this.trace.upstreamLines, this.upstreamEdits);
    if (bodyBytes === 0 || body !== undefined) {
      const isText = body !== undefined && body.length <= TEXT_AT_MOST_BYTES;
      // One write takes both.
      carrier.latin1(isText ? head + body.toString('latin1') : head);
      if (body !== undefined && !isText) carrier.bytes(body);
      return carrier.sent();
    }
    carrier.latin1(head);
    this.#upload = new Upload(request, carrier, this.#picked?.pool.takesTrailers === true, this);
    request.receive(this.#upload, this.route.maxBodyBytes);
  }

  head(head: ResponseHead): void {
    const { status } = head;
    if (status < 200) return this.#provisional(head);
    this.#headAtMs = this.heard();
    this.#head = head;
    this.attempted(status, this.#headAtMs - this.#attemptAtMs);
    if (status >= 500 && this.#policed !== undefined) {
      this.#held = new HeldAnswer(head);
      this.#carrier?.pause();
      this.#policed.ended(status);
    } else this.#tell(head);
  }

  headAlone(): void {
    if (this.#isPassedOver) this.#leave();
    else if (this.#head !== undefined && this.#held === undefined) this.beginAnswer();
  }

  data(part: Buffer): void {
    if (this.#held !== undefined) this.#held.parts.push(Buffer.from(part));
    else if (this.#isPassedOver) {
      // What isn't whole by now is not waited for.
      if (part.length !== this.#head?.bodyBytes) this.#leave();
    } else if (!this.pass(part)) this.#carrier?.pause();
  }

  end(trailers: Fields): void {
    this.#carrier = undefined;
    this.#upload?.stop();
    const head = this.#head;
    if (this.#held !== undefined) this.#held.end = trailers;
    else if (head === undefined) return;
    else if (this.#isPassedOver) this.#endAttempt(outcomeOf(head));
    else {
      this.#endAttempt(outcomeOf(head));
      this.passedAll(trailers);
    }
  }

  room(): void {
    this.#upload?.room();
  }

  fail(reason: FairleadError, wasKept: boolean): void {
    this.#carrier = undefined;
    if (this.#isPassedOver) return this.#leave();
    if (this.isOver) return;
    if (this.#held !== undefined) this.#held.fault = reason;
    const isUnprocessed = reason.details['processed'] === 'no';
    // Who turns a stream away on a connection that stands is no failure.
    const failure = wasKept ? 'cancelled' : 'connect-failed';
    this.#endAttempt(isUnprocessed ? failure : 'reset');
    if (this.told !== undefined) return this.#cut('UPSTREAM_RESET', reason);
    // A kept connection had died meanwhile: whoever may be asked twice is, once.
    const isRepeatable = isUnprocessed ? this.#upload === undefined : this.isRepeatable;
    if (wasKept && isRepeatable && !this.#hasRepeatedStale) {
      this.#hasRepeatedStale = true;
      return this.attempt(undefined, true);
    }
    if (isUnprocessed && this.#upload === undefined && this.core.connectPatienceMs > 0) {
      this.#patience ??= new Patience(this.core, this.#attemptAtMs, () => this.attempt(undefined));
      if (this.#patience.waits()) return;
    }
    this.#lost(reason);
  }

  clientGone(hasStalled: boolean): void {
    if (this.goesOnAlone()) return;
    if (this.#ending !== undefined) return this.release();
    this.#abandon('cancelled');
    this.#over(499, hasStalled ? 'CLIENT_STALLED' : 'CANCELLED');
  }

  protected resumeUpstream(): void {
    this.#carrier?.resume();
  }

  protected answered(): void {
    const own = this.toldOwn;
    if (own !== undefined) {
      const cause = own.status >= 400 ? own.cause : undefined;
      // Its end would be a cancellation for a policy that has not taken in yet what the upstream said.
      if (this.#isPassedOver && this.#policed !== undefined)
        this.#ending = { status: own.status, cause, because: own.because };
      else this.#over(own.status, cause, own.because);
      return;
    }
    const head = this.#head;
    if (head === undefined) return;
    // Where a stage has ended it early, the upstream has not.
    this.#abandon(outcomeOf(head));
    // What came in one piece came when its head did.
    const atMs = this.cameAtOnce ? this.#headAtMs : this.core.clock.monotonic();
    if (this.#policed === undefined) this.#over(head.status, undefined, undefined, atMs);
    else this.#policed.ended(head.status);
  }

  broken(cause: string, error: unknown): void {
    if (this.isOver) return;
    this.#abandon('cancelled');
    this.#cut(cause, error);
  }

  uploadFailed(fault: unknown): void {
    this.#stop('cancelled', brokenUpload(fault, this.route.maxBodyBytes), fault);
  }

  /** Its time is over. */
  overdue(line: DeadlineLine): void {
    const isSilent = this.route.timesSilence === true && !(line instanceof OwnDeadline);
    this.#stop('timeout', overdueAnswer(this.cluster, isSilent), undefined);
  }

  /** The engine ends and waits no longer. */
  cutShort(): void {
    this.#stop('cancelled', DRAINING, undefined);
  }

  abandonAttempt(reason: FairleadError): void {
    if (this.isOver || this.toldOwn !== undefined) return;
    this.#abandon(reason.code === 'DEADLINE_EXCEEDED' ? 'timeout' : 'cancelled');
    if (this.told !== undefined) this.#cut('UPSTREAM_TIMEOUT', reason);
  }

  release(): void {
    if (this.isOver) return;
    const held = this.#held;
    this.#held = undefined;
    if (this.toldOwn !== undefined) this.#policed = undefined;
    if (this.#ending !== undefined) this.#over(this.#ending.status, this.#ending.cause, this.#ending.because);
    else if (this.toldOwn !== undefined) return;
    else if (held === undefined) this.#over(this.#head?.status ?? 0, undefined);
    else {
      this.#policed = undefined;
      this.#goOn(held);
    }
  }

  /** What was held back goes to the client after all. */
  #goOn(held: HeldAnswer): void {
    if (!this.#tell(held.head)) {
      if (held.end === undefined) this.#leave();
      else this.#endAttempt(outcomeOf(held.head));
      return;
    }
    let hasRoom = true;
    for (const part of held.parts) hasRoom = this.pass(part);
    if (held.end !== undefined) this.end(held.end);
    else if (held.fault !== undefined) this.#cut('UPSTREAM_RESET', held.fault);
    else if (hasRoom) this.#carrier?.resume();
  }

  /** What can't be mended: a filter has thrown, or a policy has given up. */
  failed(error: unknown): void {
    if (this.isOver) return;
    if (this.#ending !== undefined || this.toldOwn !== undefined) return this.release();
    this.#stop('cancelled', failureAnswer(this.cluster, error), error);
  }

  #stop(outcome: AttemptOutcome, answer: LocalAnswer, because: unknown): void {
    // All is said: only its policy is waited for.
    if (this.#ending !== undefined) return this.release();
    this.#abandon(outcome);
    if (this.told === undefined) this.answer(answer);
    else this.#cut(answer.cause, because);
  }

  /** Ends it with an answer of the proxy's own. */
  answer(answer: LocalAnswer): void {
    if (this.isSettled) return;
    this.#abandon('cancelled');
    this.trace.open(this, this.rubric);
    this.tellOwn(answer);
  }

  /** This is the answer; false when filters have put another in its place. */
  #tell(head: ResponseHead): boolean {
    const instead = this.tell(head);
    if (instead === undefined) return true;
    this.#isPassedOver = true;
    this.#policed?.ended(head.status);
    this.send(instead);
    return false;
  }

  /** An answer that is passed over is not waited for any longer. */
  #leave(): void {
    if (this.#head !== undefined) this.#abandon(outcomeOf(this.#head));
  }

  #provisional(head: ResponseHead): void {
    if (head.status === 103) this.request.provisional(103, head.kept);
    else if (head.status === 101) this.#tunnel(head);
  }

  /** Both sides speak another protocol from now on. */
  #tunnel(head: ResponseHead): void {
    const carrier = this.#carrier;
    const lines = carrier && this.switchLines(head);
    if (carrier === undefined || lines === undefined) return;
    this.#carrier = undefined;
    this.#head = head;
    this.#headAtMs = this.core.clock.monotonic();
    this.attempted(101, this.#headAtMs - this.#attemptAtMs);
    // The route's time was for the handshake.
    this.dueIn?.leave(this);
    this.#tunnelled = tunnel(
      this.core.clock,
      this.core.tunnelIdleMs,
      this.request.takeOver(101, lines + UPGRADE_LINES),
      carrier,
      () => {
        this.#tunnelled = undefined;
        this.#endAttempt('ok');
        if (this.#policed === undefined) this.#over(101, undefined);
        else this.#policed.ended(101);
      },
    );
  }

  /** There is no answer from this attempt, and no other attempt that needs no policy. */
  #lost(reason: FairleadError): void {
    if (this.#policed !== undefined) this.#policed.failed(reason);
    else this.failed(reason);
  }

  /** Whoever is asked is not waited for any more. */
  #abandon(outcome: AttemptOutcome): void {
    this.#upload?.stop();
    this.#patience?.cancel();
    this.#tunnelled?.();
    const picked = this.#picked;
    if (picked === undefined) return;
    const carrier = this.#carrier;
    this.#carrier = undefined;
    if (carrier === undefined) picked.pool.withdraw(this);
    else carrier.abandon();
    this.#endAttempt(outcome);
  }

  #endAttempt(outcome: AttemptOutcome): void {
    const picked = this.#picked;
    if (picked === undefined) return;
    this.#picked = undefined;
    if (this.#head === undefined) {
      const latencyMs = this.core.clock.monotonic() - this.#attemptAtMs;
      const failure = FAILURES[outcome];
      this.core.report.attempted(this.rubric, this.cluster, failure, latencyMs);
      this.trace.attempted(undefined, failure);
      picked.ended(outcome, latencyMs);
    } else picked.ended(outcome, this.#headAtMs - this.#attemptAtMs);
  }

  /** An answer that was held back makes room for another. */
  #dropHeld(): void {
    if (this.#held === undefined) return;
    this.#abandon('server-error');
    this.#held = undefined;
    this.#head = undefined;
  }

  /** What the client has of the answer must not look whole. */
  #cut(cause: string, because: unknown): void {
    const status = cutStatus(this.told?.status ?? 502, cause);
    this.request.owner = undefined;
    this.stopAnswer();
    this.request.cut();
    this.core.telemetry.log.warn(this.ctx, 'the answer was cut off', { to: this.cluster, code: cause, error: because });
    if (this.#policed === undefined || this.toldOwn !== undefined) return this.#over(status, cause, because);
    this.#ending = { status, cause, because };
    this.#policed.failed(
      because instanceof FairleadError ? because : fail('UPSTREAM_RESET', 'The answer was cut off.'),
    );
  }

  #over(status: number, cause: string | undefined, because?: unknown, atMs = this.core.clock.monotonic()): void {
    if (this.isOver) return;
    if (this.isAlone && cause !== 'CANCELLED') return this.#over(499, 'CANCELLED', because, atMs);
    this.isOver = true;
    const { core, live, rubric } = this;
    this.dueIn?.leave(this);
    this.request.owner = undefined;
    this.stopAnswer();
    this.#upload?.stop();
    core.underWay.remove(this.#slot);
    if (core.isDraining && core.underWay.size === 0) core.onDrained();
    core.report.ended(rubric, this, status, cause, atMs);
    this.trace.close(this, rubric, status, cause, because);
    live?.ended(this, status, cause, atMs - this.startedAtMs);
    this.snapshot.ended();
  }
}
