import { errorFromProblem, nearest, onDemand, type Clock } from '@fairlead/core';
import { fail } from '../errors.ts';
import type { InstanceStatus } from '../running-platform.ts';

/** What an instance is asked. */
export interface Question {
  /** Default `GET`. */
  readonly method?: 'GET' | 'POST';
  /** Path and query. */
  readonly path: string;
}

/**
 * How an instance is asked; the default goes over its socket. Resolves with the body's text, rejects with what its
 * problem document says.
 */
export type AskInstance = (url: string, question: Question, signal: AbortSignal) => Promise<string>;

const MAX_BYTES = 8 * 1024 * 1024;
const TIMEOUT_MS = 2_000;

/** Asks over `unix:/path` or `http://host:port`. */
export const askInstance: AskInstance = (url, { method = 'GET', path }, signal) =>
  new Promise((resolve, reject) => {
    const where = url.startsWith('unix:')
      ? { socketPath: url.slice('unix:'.length) }
      : { host: new URL(url).hostname, port: new URL(url).port };
    const headers = { host: 'localhost' };
    const sent = onDemand.http.request({ ...where, method, path, signal, agent: false, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BYTES) response.destroy(new Error(`its answer is larger than ${MAX_BYTES} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status === 200) resolve(body);
        else if (response.headers['content-type']?.includes('problem+json')) reject(refusal(body, status));
        else reject(new Error(`it answered ${status}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });

function refusal(body: string, status: number): Error {
  try {
    return errorFromProblem(JSON.parse(body), status);
  } catch {
    return new Error(`it answered ${status}`);
  }
}

/** How questions are put. */
export interface AskOptions {
  readonly clock: Clock;
  /** Default: over the instance's socket. */
  readonly ask?: AskInstance;
  /** How long one answer may take, in milliseconds. Default 2 000. */
  readonly timeoutMs?: number;
}

/**
 * One instance's answer, as JSON.
 * @throws UNAVAILABLE when it is not ready or does not answer in time; otherwise what its own problem document says
 */
export async function askOne(instance: InstanceStatus, question: Question, options: AskOptions): Promise<unknown> {
  const { clock, ask = askInstance, timeoutMs = TIMEOUT_MS } = options;
  const { name, url, state } = instance;
  if (url === undefined || state !== 'ready') throw unavailable(name, `it is ${state}`, 'no');
  const late = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    return JSON.parse(await ask(url, question, late.signal));
  } catch (error) {
    const cause = late.signal.aborted ? late.signal.reason : error;
    if (cause instanceof Error && 'code' in cause && 'kind' in cause) throw cause;
    const processed = question.method === 'POST' ? 'maybe' : 'no';
    throw unavailable(name, cause instanceof Error ? cause.message : String(cause), processed);
  } finally {
    timer.cancel();
  }
}

/** `processed` says whether it may have done what it was asked for; a question changes nothing. */
function unavailable(service: string, reason: string, processed: 'no' | 'maybe'): Error {
  return fail('UNAVAILABLE', `${service} does not answer: ${reason}.`, { details: { service, reason, processed } });
}

/** A service that did not answer, and why. */
export interface Unanswered {
  readonly service: string;
  readonly reason: string;
}

/** What several services said. One that did not answer is named, never an error. */
export interface Answers<T> {
  readonly answers: readonly { readonly service: string; readonly answer: T }[];
  readonly unanswered: readonly Unanswered[];
}

/** Puts a question to several instances at once; `read` takes an answer apart and may throw. */
export async function askAll<T>(
  instances: readonly InstanceStatus[],
  question: (instance: InstanceStatus) => Question,
  read: (answer: unknown, service: string) => T,
  options: AskOptions,
): Promise<Answers<T>> {
  const unanswered: Unanswered[] = [];
  const asked = instances.map(async (instance) => {
    const service = instance.name;
    try {
      return [{ service, answer: read(await askOne(instance, question(instance), options), service) }];
    } catch (error) {
      unanswered.push({ service, reason: reasonOf(error) });
      return [];
    }
  });
  const answers = (await Promise.all(asked)).flat();
  return { answers, unanswered: unanswered.toSorted((a, b) => a.service.localeCompare(b.service)) };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const details = 'details' in error ? error.details : undefined;
  return typeof details === 'object' && details !== null && 'reason' in details
    ? String(details.reason)
    : error.message;
}

/** The services among the instances. */
export function servicesAmong(instances: readonly InstanceStatus[]): readonly InstanceStatus[] {
  return instances.filter(({ kind }) => kind === 'service');
}

/**
 * The instance of a service.
 * @throws UNKNOWN_SERVICE with the nearest name
 */
export function serviceNamed(instances: readonly InstanceStatus[], name: string): InstanceStatus {
  const services = servicesAmong(instances);
  const found = services.find((instance) => instance.name === name);
  if (found !== undefined) return found;
  throw unknownService(
    name,
    services.map((instance) => instance.name),
  );
}

/** That there is no such service, with the nearest of those that there are. */
export function unknownService(name: string, names: readonly string[]): Error {
  const near = nearest(name, names);
  const hint = near === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${near}"?`;
  return fail('UNKNOWN_SERVICE', `The platform has no service "${name.slice(0, 64)}". ${hint}`);
}

/** The list `items` of an answer. */
export function itemsOf(answer: unknown): readonly Record<string, unknown>[] {
  const items = typeof answer === 'object' && answer !== null && 'items' in answer ? answer.items : undefined;
  if (!Array.isArray(items)) throw new Error('its answer is no list');
  return items.filter((item) => typeof item === 'object' && item !== null);
}
