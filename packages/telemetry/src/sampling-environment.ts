import { CORE_ERRORS, FairleadError, nearest } from '@fairlead/core';
import { DEFAULT_TRACES_PER_SECOND, type TraceSampling } from './sampling.ts';
import type { TelemetryOptions } from './telemetry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const SAMPLER = 'OTEL_TRACES_SAMPLER';
const ARGUMENT = 'OTEL_TRACES_SAMPLER_ARG';
const ACCESS_LINES = 'FAIRLEAD_ACCESS_LINES';
const PARENT_BASED = 'parentbased_';

/** OpenTelemetry's samplers that need no service of their own, and Jaeger's that limits the rate, with what each keeps. */
const SAMPLERS: Readonly<Record<string, (env: Environment) => NonNullable<TraceSampling['keep']>>> = {
  always_on: () => 'everything',
  always_off: () => 'nothing',
  traceidratio: (env) => ({ ratio: argumentOf(env, 1) ?? 1 }),
  ratelimiting: (env) => ({ perSecond: argumentOf(env, Infinity) ?? DEFAULT_TRACES_PER_SECOND }),
};
const SAMPLER_NAMES = Object.keys(SAMPLERS).flatMap((name) => [PARENT_BASED + name, name]);
const ACCESS_LINE_VALUES = ['thinned', 'everything'];

/**
 * What the environment says about how much is recorded. `OTEL_TRACES_SAMPLER` is `parentbased_` and one of `always_on`, `always_off`,
 * `traceidratio` (`OTEL_TRACES_SAMPLER_ARG` from 0 to 1, default 1) or `ratelimiting` (as many traces a second, default
 * 100), or one of them without the prefix, which then does not follow callers. `FAIRLEAD_ACCESS_LINES` is `everything` or `thinned`. What is not set
 * is left to the defaults: `parentbased_ratelimiting` and `thinned`.
 * @throws MISCONFIGURED when a value is none of these, with the nearest
 */
export function samplingEnvironment(env: Environment): Pick<TelemetryOptions, 'traces' | 'accessLines'> {
  const lines = oneOf(env, ACCESS_LINES, ACCESS_LINE_VALUES);
  return { traces: tracesOf(env), accessLines: lines === 'everything' ? 'everything' : undefined };
}

function tracesOf(env: Environment): TraceSampling | undefined {
  const named = oneOf(env, SAMPLER, SAMPLER_NAMES);
  if (named === undefined) return undefined;
  const followCaller = named.startsWith(PARENT_BASED);
  const keep = SAMPLERS[followCaller ? named.slice(PARENT_BASED.length) : named]?.(env);
  return { keep, followCaller };
}

function argumentOf(env: Environment, most: number): number | undefined {
  const text = env[ARGUMENT]?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text) && Number(text) <= most) return Number(text);
  throw misconfigured(`${ARGUMENT} is "${text}"; give a number ${most === 1 ? 'from 0 to 1' : 'of 0 or more'}.`);
}

/** OpenTelemetry asks that empty counts as not set, and capitals for nothing. */
function oneOf(env: Environment, variable: string, values: readonly string[]): string | undefined {
  const text = env[variable]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = text.toLowerCase();
  if (values.includes(value)) return value;
  const meant = nearest(value, values);
  throw misconfigured(
    `${variable} is "${text}". ${meant === undefined ? `It may be: ${values.join(', ')}.` : `Did you mean "${meant}"?`}`,
  );
}

function misconfigured(message: string): FairleadError {
  return new FairleadError(CORE_ERRORS.MISCONFIGURED, 'MISCONFIGURED', message);
}
