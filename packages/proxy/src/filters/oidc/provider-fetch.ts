import { createContext, type Clock, type Random } from '@fairlead/core';
import { clientPool } from '@fairlead/net';
import { parseJwksUrl } from '../jwt/jwks-url.ts';

const MOST_BYTES = 512 * 1024;

/** A request as oauth4webapi makes it. */
interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams | undefined;
}

/** Asks a provider. */
export type ProviderFetch = (url: string, asked: Asked) => Promise<Response>;

/** What asking needs. */
export interface ProviderFetchOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For each answer, in milliseconds; above 0. */
  readonly timeoutMs: number;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/**
 * Asks over a connection of its own each time: a code or refresh token is good for one request, and one that meets a kept
 * connection's end would be lost. Redirects are not followed. What it makes throws when nobody answers in time, or with more than 512 KiB.
 */
export function providerFetch({ clock, random, timeoutMs, signal }: ProviderFetchOptions): ProviderFetch {
  return async (url, { method, headers, body }) => {
    const { endpoint, target } = parseJwksUrl(url);
    using ctx = createContext({ clock, random, timeoutMs, signal });
    await using pool = clientPool({ endpoint, clock, maxConnections: 1, maxAnswerBytes: MOST_BYTES });
    const answer = await pool.request(ctx, { method, target, fields: headers, body: body?.toString() });
    const { list } = answer.fields;
    const told = new Headers();
    for (let at = 0; at < list.length; at += 2) told.append(list[at] ?? '', list[at + 1] ?? '');
    const isBodiless = answer.status === 204 || answer.status === 304;
    return new Response(isBodiless ? null : new Uint8Array(answer.body), { status: answer.status, headers: told });
  };
}
