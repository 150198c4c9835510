import type { EjectionCause } from './cluster-report.ts';
import type { AttemptOutcome } from './cluster-types.ts';
import { Ejector, isOut } from './ejector.ts';
import type { Member } from './member.ts';
import { judge, type OutlierDetector, type OutlierWorld } from './outlier-detector.ts';
import type { ProbationOptions } from './outlier-options.ts';

/** Linkerd's failure accrual: out after some failures in a row, then one request decides; each relapse takes twice as long. */
export class ProbationDetector implements OutlierDetector {
  readonly #options: Required<ProbationOptions>;
  readonly #world: OutlierWorld;
  readonly #ejector: Ejector;
  #isClosed = false;

  constructor(options: Required<ProbationOptions>, world: OutlierWorld) {
    this.#options = options;
    this.#world = world;
    this.#ejector = new Ejector(world, options, (member, why) => this.#onTrial(member, why));
  }

  began(member: Member): void {
    const { probation } = member.standing;
    if (probation === undefined || probation.isAsked) return;
    probation.isAsked = true;
    this.#world.onChange(member, false);
  }

  ended(member: Member, outcome: AttemptOutcome): void {
    const { standing } = member;
    if (standing.ejection !== undefined || this.#isClosed) return;
    const { probation } = standing;
    // What was under way before decides nothing.
    if (probation?.isAsked === false) return;
    const verdict = judge(outcome);
    if (verdict === 'nothing') {
      // It is as unknown as before; somebody else may ask.
      if (probation === undefined) return;
      probation.isAsked = false;
      this.#world.onChange(member, false);
    } else if (verdict === 'success') {
      standing.failuresInRow = 0;
      standing.isSpared = false;
      standing.times = 0;
      if (probation !== undefined) this.#ejector.release(member, 'probation');
    } else if (probation !== undefined) {
      standing.probation = undefined;
      if (!this.#eject(member, probation.why)) this.#world.onChange(member, false);
    } else {
      standing.failuresInRow += 1;
      const count = standing.failuresInRow;
      const threshold = this.#options.consecutiveFailures;
      if (count >= threshold) this.#eject(member, { kind: 'consecutive-failures', count, threshold });
    }
  }

  absolve(member: Member, because: 'active-check' | 'operator'): void {
    if (!isOut(member)) return;
    member.standing.times = 0;
    this.#ejector.release(member, because);
  }

  forget(member: Member): void {
    this.#ejector.drop(member);
  }

  close(): void {
    this.#isClosed = true;
    for (const member of this.#world.members()) this.#ejector.drop(member);
  }

  #eject(member: Member, why: EjectionCause): boolean {
    const { minPenaltyMs, maxPenaltyMs, jitterRatio } = this.#options;
    const times = member.standing.times + 1;
    const penaltyMs = Math.min(maxPenaltyMs, minPenaltyMs * 2 ** (times - 1));
    return this.#ejector.eject(member, why, penaltyMs * (1 + this.#world.random.next() * jitterRatio), times);
  }

  #onTrial(member: Member, why: EjectionCause): void {
    const { clock, onChange } = this.#world;
    member.standing.probation = { sinceMs: clock.now(), times: member.standing.times, why, isAsked: false };
    onChange(member, true);
  }
}
