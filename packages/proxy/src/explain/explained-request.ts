import { Fields } from '@fairlead/net';
import type { PassageFacts } from '../engine/filter.ts';
import { pathFault } from '../engine/passage-path.ts';
import type { LateFacts } from '../match/decision.ts';
import { fail } from '../errors.ts';

/** A request to be explained, which nobody sends. */
export interface RequestToExplain {
  readonly method: string;
  /** A whole URL, or a target that begins with `/`. */
  readonly url: string;
  /** Names and values, as they would be sent; the host is the URL's unless `host` is among them. Default none. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** What a verified token would say. Default: nobody is known. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** A body, as text. Default none. */
  readonly body?: string | undefined;
  /** Where it would come from. Default `127.0.0.1`. */
  readonly clientAddress?: string | undefined;
  /** Name of the listener. Default: that of the URL's port, else the first. */
  readonly listener?: string | undefined;
}

/** Such a request as a route table is asked. */
export interface ReadRequest {
  readonly facts: PassageFacts;
  readonly late: Required<LateFacts>;
  readonly port: number | undefined;
  /** Why the engine refuses it before any route is asked; `undefined` when it doesn't. */
  readonly fault: string | undefined;
}

/** @throws BAD_REQUEST when the URL is none */
export function readRequest(request: RequestToExplain): ReadRequest {
  const { url, headers = [], claims, body, clientAddress = '127.0.0.1' } = request;
  // By hand, since URL would tidy up what is to be explained, such as dot segments.
  const [, scheme, authority = '', target = ''] = /^(?:(https?):\/\/([^/?#]*))?((?:\/|\?|$)[^#]*)/i.exec(url) ?? [];
  if (scheme === undefined && !url.startsWith('/'))
    throw fail(
      'BAD_REQUEST',
      `${JSON.stringify(url)} is neither a URL nor a path. Write https://shop.test/orders or /orders.`,
    );
  const fields = headers.map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
  const host = fields.find(([name]) => name === 'host')?.[1] ?? authority;
  const [path = '', ...query] = target.split('?');
  const port = /:(\d+)$/.exec(authority)?.[1];
  return {
    facts: {
      method: request.method,
      path: path === '' ? '/' : path,
      query: query.length === 0 ? '' : `?${query.join('?')}`,
      host: host.toLowerCase().replace(/:\d*$/, ''),
      fields: new Fields(fields.flat()),
      clientAddress,
      isTls: scheme?.toLowerCase() === 'https',
    },
    late: {
      identity: claims === undefined ? null : { roles: [], scopes: [], claims },
      body: jsonOf(body),
    },
    port: port === undefined ? undefined : Number(port),
    fault: pathFault(path === '' ? '/' : path),
  };
}

function jsonOf(body: string | undefined): { readonly value: unknown } | null {
  if (body === undefined) return null;
  try {
    return { value: JSON.parse(body) };
  } catch {
    return null;
  }
}
