import { availableParallelism } from 'node:os';
import { optionalText, UsageError, type Flag } from '../../flag.ts';
import type { AdminFlags } from './admin-of-run.ts';

/** Flags of `gateway run`. */
export interface RunFlags extends AdminFlags {
  readonly port: number | undefined;
  readonly json: boolean;
  /** How many processes; `undefined` for this one alone. */
  readonly workers: number | undefined;
  /** URL of a Redis, or `undefined`. */
  readonly redis: string | undefined;
}

export const portFlag: Flag<number | undefined> = {
  value: 'port',
  summary: 'TCP port of the first listener instead of its own; 0 takes a free one',
  multiple: false,
  read([given]) {
    if (given === undefined) return undefined;
    if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535)
      throw new UsageError(`takes a whole number from 0 to 65535, not "${given}"`);
    return Number(given);
  },
};

/** So many processes nobody means. */
const MOST_WORKERS = 256;

export const workersFlag: Flag<number | undefined> = {
  value: 'count|auto',
  summary: 'serve from so many processes at the same addresses; auto is one a core (default this process alone)',
  multiple: false,
  read([given]) {
    if (given === undefined) return undefined;
    if (given === 'auto') return availableParallelism();
    const count = Number(given);
    if (!/^\d{1,3}$/.test(given) || count < 1 || count > MOST_WORKERS)
      throw new UsageError(`takes auto, or a whole number from 1 to ${MOST_WORKERS}, not "${given}"`);
    return count;
  },
};

/** Its URL is looked at where it is used: it may hold a password, which no message repeats. */
export const redisFlag = optionalText(
  'keep shared limits and caches in a Redis, together with other gateways; env:NAME takes the URL from a variable',
  'url',
);

/** The URL that `--redis` means. */
export function redisUrl(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const name = given?.startsWith('env:') ? given.slice('env:'.length) : undefined;
  if (name === undefined) return given;
  const url = env[name];
  if (url === undefined || url === '') throw new UsageError(`names the variable ${name}, which is not set`);
  return url;
}
