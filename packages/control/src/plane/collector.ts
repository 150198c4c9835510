import type { Clock, Random } from '@fairlead/core';
import { otlpForwarder, otlpTarget, type OtlpForwarder } from '@fairlead/telemetry';

/** What passing spans on needs. */
export interface CollectorOptions {
  /** Where OpenTelemetry's own variables are looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when the collector can't be reached, is back, and what it missed. */
  readonly tell: (message: string, about: unknown) => void;
}

/** Passes spans on to the person's own collector; `undefined` without one: then they stay here. */
export function collectorOf({ env, clock, random, tell }: CollectorOptions): OtlpForwarder | undefined {
  const target = otlpTarget(env);
  if (target === undefined) return undefined;
  return otlpForwarder({
    ...target,
    clock,
    random,
    onChange: (change) =>
      tell(`Spans for ${target.url}: ${change.kind}`, change.kind === 'failing' ? change.error : change),
  });
}
