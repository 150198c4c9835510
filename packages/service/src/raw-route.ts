import type { Context, ScopedContext } from '@fairlead/core';
import type { ConfigShape } from './config.ts';
import type { Kit, Uses } from './kit.ts';
import { pathShape } from './route-table.ts';

/**
 * Answers what no operation can: uploads, downloads, streams of events, pages. It gets and gives what the Web has for
 * that, both streamed: the client's pace slows down who writes, the reader's pace the client.
 *
 * The request has been routed, traced and identified; nothing of it is validated. `request.signal` and `ctx` end when
 * the client goes away, at the deadline if the request states one, and when a drain has no time left; the body of the
 * answer is then cut. What the handler throws becomes a problem document without text, as an undeclared error of an
 * operation does: for anything else, return a `Response`.
 */
export type RawRouteHandler<Config extends ConfigShape, U extends Uses> = {
  handle(
    ctx: Context,
    request: Request,
    members: Readonly<Record<string, string>>,
    kit: Kit<Config, U>,
  ): Response | Promise<Response>;
}['handle'];

/** Handlers by method and path, `'GET /files/{name}'`. GET answers HEAD too. */
export type RawRoutes<Config extends ConfigShape, U extends Uses> = Readonly<
  Record<`${RawMethod} /${string}`, RawRouteHandler<Config, U>>
>;

const RAW_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

type RawMethod = (typeof RAW_METHODS)[number];

/** A call of a raw route. */
export interface RawCall {
  /** Its name in `routes`. */
  readonly route: string;
  /** Lives until the answer's body has ended; whoever calls disposes it. */
  readonly ctx: ScopedContext;
  readonly request: Request;
  /** The members of the path, decoded. */
  readonly members: Readonly<Record<string, string>>;
}

/** A raw route's name in its parts; `undefined` when it is none. */
export function parseRawRoute(name: string): { readonly method: RawMethod; readonly path: string } | undefined {
  const [, verb, path] = /^([A-Z]+) ((?:\/(?:[\w.~-]+|\{[A-Za-z_]\w*\}))+|\/)$/.exec(name) ?? [];
  const method = RAW_METHODS.find((known) => known === verb);
  if (method === undefined || path === undefined) return undefined;
  const members = path.match(/\{\w+\}/g) ?? [];
  return new Set(members).size === members.length ? { method, path } : undefined;
}

/** What two routes that answer the same requests have in common. */
export function routeShape(method: string, path: string): string {
  return `${method} ${pathShape(path)}`;
}
