import { fail } from '../errors.ts';

/** How large the parts of a message may be. */
export interface MessageLimits {
  /** Start line and fields together, in bytes; trailers have as much again. Default 16 384 (16 KiB); at least 64. */
  readonly maxHeadBytes?: number;
  /** A request's target, in bytes. Default 8 192 (8 KiB); at least 1. */
  readonly maxTargetBytes?: number;
  /** Field lines, in the head and in the trailers each. Default 100; 0 to 1 000. */
  readonly maxFields?: number;
}

export type ResolvedLimits = Required<MessageLimits>;

const DEFAULTS: ResolvedLimits = { maxHeadBytes: 16 * 1024, maxTargetBytes: 8 * 1024, maxFields: 100 };
/** What the scanner has room for. */
export const MOST_FIELDS = 1_000;

/** @throws MISCONFIGURED */
export function resolveLimits(limits: MessageLimits = {}): ResolvedLimits {
  const resolved = { ...DEFAULTS, ...limits };
  check('maxHeadBytes', resolved.maxHeadBytes, 64, 2 ** 30);
  check('maxTargetBytes', resolved.maxTargetBytes, 1, 2 ** 30);
  check('maxFields', resolved.maxFields, 0, MOST_FIELDS);
  return resolved;
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw fail('MISCONFIGURED', `${name} is ${value}; give a whole number from ${least} to ${most}.`);
}
