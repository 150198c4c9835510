import type { Clock } from '@fairlead/core';
import type { EndpointReport, EndpointState } from './cluster-report.ts';
import type { Member } from './member.ts';
import { warmShare, type ResolvedSlowStart } from './slow-start.ts';

/** What is known of a member, for people. */
export function endpointReport(member: Member, clock: Clock, slowStart: ResolvedSlowStart): EndpointReport {
  const { address, zone, weight, isEligible, inFlight, attempts, failures, spentMs } = member;
  return {
    address,
    zone,
    weight,
    state: stateOf(member, clock, slowStart),
    isPicked: isEligible,
    inFlight,
    ewmaMs: member.latency.at(clock.monotonic()),
    attempts,
    failures,
    spentMs,
    pool: member.pool.inspect(),
  };
}

function stateOf(member: Member, clock: Clock, slowStart: ResolvedSlowStart): EndpointState {
  const { ejection, probation, barring, checked } = member.standing;
  if (barring !== undefined) {
    const { sinceMs, untilMs } = barring;
    return { kind: 'ejected', sinceMs, untilMs, times: 1, why: { kind: 'operator' } };
  }
  if (ejection !== undefined) {
    const { sinceMs, untilMs, times, why } = ejection;
    return { kind: 'ejected', sinceMs, untilMs, times, why };
  }
  if (probation !== undefined) {
    const { sinceMs, times, why } = probation;
    return { kind: 'probation', sinceMs, times, why };
  }
  if (checked?.isHealthy === false) return { kind: 'unhealthy', sinceMs: checked.sinceMs, why: checked.why };
  const nowMs = clock.monotonic();
  if (member.warmUntilMs <= nowMs) return { kind: 'serving' };
  // Monotonic times, told as wall time.
  const offsetMs = clock.now() - nowMs;
  const share = warmShare(member, slowStart, nowMs);
  return { kind: 'warming', sinceMs: member.warmSinceMs + offsetMs, untilMs: member.warmUntilMs + offsetMs, share };
}
