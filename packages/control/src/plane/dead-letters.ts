import { request } from 'node:http';
import type { Clock } from '@fairlead/core';
import type { InstanceStatus } from '../running-platform.ts';

/** A message that was given up, as its service describes it, and which service that is. */
export type GivenUp = Readonly<Record<string, unknown>> & { readonly service: string };

/** What the services said. */
export interface DeadLetterAnswer {
  readonly items: readonly GivenUp[];
  /** True when a service did not answer: there may be more. */
  readonly partial: boolean;
  readonly unanswered: readonly { readonly service: string; readonly reason: string }[];
}

/** How a service is asked; the default goes over its socket. Resolves with the body's text, rejects otherwise. */
export type AskInstance = (url: string, path: string, signal: AbortSignal) => Promise<string>;

const MAX_BYTES = 8 * 1024 * 1024;

/** Asks over `unix:/path` or `http://host:port`. */
export const askInstance: AskInstance = (url, path, signal) =>
  new Promise((resolve, reject) => {
    const where = url.startsWith('unix:')
      ? { socketPath: url.slice('unix:'.length) }
      : { host: new URL(url).hostname, port: new URL(url).port };
    const sent = request({ ...where, path, signal, agent: false, headers: { host: 'localhost' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BYTES) response.destroy(new Error(`its answer is larger than ${MAX_BYTES} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`it answered ${response.statusCode}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });

/** The list in a service's answer: either the list itself or its `items`. */
function itemsOf(text: string): readonly Record<string, unknown>[] {
  const value: unknown = JSON.parse(text);
  const items = Array.isArray(value)
    ? value
    : typeof value === 'object' && value !== null && 'items' in value
      ? value.items
      : undefined;
  if (!Array.isArray(items)) throw new Error('its answer is no list');
  return items.filter((item) => typeof item === 'object' && item !== null);
}

/**
 * Asks every service at once for its dead letters, each for at most `timeoutMs` (default 2 000). One that does not
 * answer makes the result partial, never an error.
 */
export async function collectDeadLetters(
  instances: readonly InstanceStatus[],
  options: { readonly clock: Clock; readonly ask?: AskInstance; readonly timeoutMs?: number },
): Promise<DeadLetterAnswer> {
  const { clock, ask = askInstance, timeoutMs = 2_000 } = options;
  const services = instances.filter(({ kind }) => kind === 'service');
  const unanswered: { service: string; reason: string }[] = [];

  async function one({ name, url, state }: InstanceStatus): Promise<readonly GivenUp[]> {
    const late = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      if (url === undefined || state !== 'ready') throw new Error(`it is ${state}`);
      const text = await ask(url, '/internal/dead-letters', late.signal);
      return itemsOf(text).map((item) => ({ ...item, service: name }));
    } catch (error) {
      const cause = late.signal.aborted ? late.signal.reason : error;
      unanswered.push({ service: name, reason: cause instanceof Error ? cause.message : String(cause) });
      return [];
    } finally {
      timer.cancel();
    }
  }

  const items = (await Promise.all(services.map(one))).flat();
  unanswered.sort((a, b) => a.service.localeCompare(b.service));
  return { items, partial: unanswered.length > 0, unanswered };
}
