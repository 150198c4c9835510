import { FairleadError, type Context } from '@fairlead/core';
import { CONTRACT_ERRORS } from '@fairlead/contract';
import { jsonAnswer, type Answer } from './exchange.ts';

/** What a route of the kit's own is asked. */
export interface OwnRequest {
  readonly ctx: Context;
  /** The members of the path, decoded. */
  readonly members: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** A route that every service has besides its contract. */
export interface OwnRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  answer(request: OwnRequest): Promise<Answer>;
}

type Telling = (request: OwnRequest) => Promise<unknown>;

/** A route that tells JSON. */
export function get(path: string, tell: Telling): OwnRoute {
  return { method: 'GET', path, answer: async (request) => jsonAnswer(200, JSON.stringify(await tell(request))) };
}

/** A route that changes something, and tells JSON. */
export function post(path: string, tell: Telling): OwnRoute {
  return { ...get(path, tell), method: 'POST' };
}

/**
 * A parameter that is a whole number, if it is there.
 * @throws INVALID_INPUT when it is none, or more than `max`
 */
export function whole(query: URLSearchParams, name: string, max: number): number | undefined {
  const [text, another] = query.getAll(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (another !== undefined || !/^\d{1,16}$/.test(text) || number > max)
    throw unfit(name, `a whole number from 0 to ${max}`);
  return number;
}

/** That a parameter is not what it has to be. */
export function unfit(name: string, expected: string): FairleadError {
  return new FairleadError(
    CONTRACT_ERRORS.INVALID_INPUT,
    'INVALID_INPUT',
    `The parameter "${name}" is not ${expected}.`,
  );
}

/**
 * A parameter as it was given, if it was.
 * @throws INVALID_INPUT when it was given more than once
 */
export function textOf(query: URLSearchParams, name: string): string | undefined {
  const [text, another] = query.getAll(name);
  if (another !== undefined) throw unfit(name, 'given once');
  return text;
}
