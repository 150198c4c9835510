import { fail } from '../errors.ts';

/** @throws MISCONFIGURED unless it is a whole number from `least` to `most` */
export function wholeNumber(option: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw fail('MISCONFIGURED', `${option} is ${value}; give a whole number ${range(least, most)}.`);
}

/** @throws MISCONFIGURED unless it is a finite number from `least` on */
export function atLeast(option: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw fail('MISCONFIGURED', `${option} is ${value}; give a number ${range(least, Infinity)}.`);
}

/** @throws MISCONFIGURED unless it is a number from `least` to `most` */
export function between(option: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw fail('MISCONFIGURED', `${option} is ${value}; give a number ${range(least, most)}.`);
}

function range(least: number, most: number): string {
  return most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
}
