import type { Timer } from '@fairlead/core';
import type { EjectionCause } from './cluster-report.ts';
import type { AttemptOutcome } from './cluster-types.ts';
import { Ejector, isOut } from './ejector.ts';
import type { Member } from './member.ts';
import { judge, type OutlierDetector, type OutlierWorld } from './outlier-detector.ts';
import type { ResolvedEjection } from './outlier-options.ts';

/** An endpoint with enough requests in the interval to be compared. */
interface Sample {
  readonly member: Member;
  readonly successRatio: number;
  readonly requests: number;
}

/**
 * Envoy's outlier detection: consecutive failures are judged as they happen, ratios at the end of each interval. An ejection
 * takes `baseMs` for each time in a row, and an interval in freedom forgives one time.
 */
export class EjectionDetector implements OutlierDetector {
  readonly #options: ResolvedEjection;
  readonly #world: OutlierWorld;
  readonly #ejector: Ejector;
  /** Runs while there is something to count or to forgive. */
  #interval: Timer | undefined;
  #isClosed = false;

  constructor(options: ResolvedEjection, world: OutlierWorld) {
    this.#options = options;
    this.#world = world;
    this.#ejector = new Ejector(world, options, (member) => this.#ejector.release(member, 'time'));
  }

  began(): void {}

  ended(member: Member, outcome: AttemptOutcome): void {
    const { standing } = member;
    const verdict = judge(outcome);
    // What was under way when it was ejected says nothing new.
    if (verdict === 'nothing' || standing.ejection !== undefined || this.#isClosed) return;
    this.#interval ??= this.#world.clock.setTimer(this.#options.intervalMs, () => this.#endInterval());
    standing.intervalAttempts += 1;
    if (verdict === 'success') {
      standing.failuresInRow = 0;
      standing.gatewayErrorsInRow = 0;
      standing.isSpared = false;
      return;
    }
    standing.intervalFailures += 1;
    standing.failuresInRow += 1;
    if (verdict === 'gateway-error') standing.gatewayErrorsInRow += 1;
    const why = this.#consecutive(member);
    if (why !== undefined) this.#eject(member, why);
  }

  absolve(member: Member, because: 'active-check' | 'operator'): void {
    if (isOut(member)) this.#ejector.release(member, because);
  }

  forget(member: Member): void {
    this.#ejector.drop(member);
  }

  close(): void {
    this.#isClosed = true;
    this.#interval?.cancel();
    for (const member of this.#world.members()) this.#ejector.drop(member);
  }

  #consecutive({ standing }: Member): EjectionCause | undefined {
    const { consecutiveFailures, consecutiveGatewayErrors } = this.#options;
    if (consecutiveGatewayErrors > 0 && standing.gatewayErrorsInRow >= consecutiveGatewayErrors) {
      const count = standing.gatewayErrorsInRow;
      return { kind: 'consecutive-gateway-errors', count, threshold: consecutiveGatewayErrors };
    }
    if (consecutiveFailures > 0 && standing.failuresInRow >= consecutiveFailures) {
      return { kind: 'consecutive-5xx', count: standing.failuresInRow, threshold: consecutiveFailures };
    }
    return undefined;
  }

  #eject(member: Member, why: EjectionCause): void {
    const { baseMs, maxMs, jitterMs } = this.#options;
    const times = member.standing.times + 1;
    const durationMs = Math.min(maxMs, baseMs * times) + this.#world.random.next() * jitterMs;
    // Longer than the longest, times would only have to be forgiven.
    this.#ejector.eject(member, why, durationMs, Math.min(times, Math.ceil(maxMs / baseMs)));
  }

  #endInterval(): void {
    this.#interval = undefined;
    const members = this.#world.members();
    for (const { standing } of members) {
      if (!standing.wasEjected && standing.times > 0) standing.times -= 1;
      standing.wasEjected = standing.ejection !== undefined;
    }
    this.#judgeSuccessRates(members);
    this.#judgeFailurePercentages(members);
    for (const { standing } of members) {
      standing.intervalAttempts = 0;
      standing.intervalFailures = 0;
    }
    if (members.some(({ standing }) => standing.times > 0)) {
      this.#interval = this.#world.clock.setTimer(this.#options.intervalMs, () => this.#endInterval());
    }
  }

  #judgeSuccessRates(members: readonly Member[]): void {
    const { successRate } = this.#options;
    if (successRate === 'off') return;
    const samples = samplesOf(members, successRate.minRequests);
    if (samples.length < successRate.minEndpoints) return;
    const meanRatio = mean(samples.map((sample) => sample.successRatio));
    const deviation = Math.sqrt(mean(samples.map((sample) => (sample.successRatio - meanRatio) ** 2)));
    const thresholdRatio = meanRatio - successRate.deviations * deviation;
    for (const { member, successRatio, requests } of samples) {
      if (successRatio >= thresholdRatio) continue;
      this.#eject(member, { kind: 'success-rate', successRatio, requests, thresholdRatio, meanRatio, deviation });
    }
  }

  #judgeFailurePercentages(members: readonly Member[]): void {
    const { failurePercentage } = this.#options;
    if (failurePercentage === 'off') return;
    const samples = samplesOf(members, failurePercentage.minRequests);
    if (samples.length < failurePercentage.minEndpoints) return;
    for (const { member, successRatio, requests } of samples) {
      const failureRatio = 1 - successRatio;
      if (failureRatio < failurePercentage.ratio) continue;
      const thresholdRatio = failurePercentage.ratio;
      this.#eject(member, { kind: 'failure-percentage', failureRatio, requests, thresholdRatio });
    }
  }
}

/** The worst first, so that they are the ones who go when not all may. */
function samplesOf(members: readonly Member[], minRequests: number): Sample[] {
  return members
    .filter(({ standing }) => standing.ejection === undefined && standing.intervalAttempts >= minRequests)
    .map((member) => {
      const { intervalAttempts: requests, intervalFailures } = member.standing;
      return { member, requests, successRatio: 1 - intervalFailures / requests };
    })
    .toSorted((a, b) => a.successRatio - b.successRatio);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
