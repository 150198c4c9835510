import { CHUNKED } from '@fairlead/net';
import type { Decision } from '../match/decision.ts';
import type { SnapshotRoute } from '../snapshot/compiled-snapshot.ts';
import { DRAINING, noRouteAnswer } from './failures.ts';
import type { LocalAnswer, Verdict } from './filter.ts';
import { pathFault } from './passage-path.ts';
import type { RequestPassage } from './request-passage.ts';

/** A request that looks for its way. */
export interface Wayfarer extends RequestPassage {
  /** Whether it is answered, or over without: nothing more is to be done for it. */
  readonly isSettled: boolean;
  /** All filters have let it through. */
  proceed(): void;
  /** Ends it with an answer of the proxy's own. */
  answer(answer: LocalAnswer): void;
  /** A filter has thrown. */
  failed(error: unknown): void;
}

/** Finds a request's route and leads it through the filters, up to `Exchange.proceed` or an answer. */
export function findWay(exchange: Wayfarer): void {
  const { core, path } = exchange;
  const fault = pathFault(path);
  if (fault !== undefined) {
    return exchange.answer({ status: 400, cause: 'BAD_REQUEST', detail: `The request target is refused: ${fault}.` });
  }
  if (core.isAsciiOnly && exchange.request.head.hasObsText) {
    return exchange.answer({ status: 400, cause: 'BAD_REQUEST', detail: 'A field holds other than ASCII characters.' });
  }
  const refused = core.refusal?.(exchange);
  if (refused !== undefined) return exchange.answer(refused);
  if (core.isDraining) return exchange.answer(DRAINING);
  const decision = exchange.snapshot.tables.get(exchange.listener.name)?.find(exchange);
  if (decision?.kind === 'route') enter(exchange, decision.route, 0);
  else if (decision?.kind === 'needs') findLater(exchange, decision.route);
  else exchange.answer(noRouteAnswer(path, decision));
}

/** Takes a route, of whose filters the first `from` have been met. */
function enter(exchange: Wayfarer, route: SnapshotRoute, from: number): void {
  const live = exchange.snapshot.live(route);
  if (live === undefined) return exchange.answer(noRouteAnswer(exchange.path, undefined));
  exchange.enter(live);
  filter(exchange, from, live.filters.length, proceed);
}

/** What all routes ask first is asked, and then which of them it is. */
function findLater(exchange: Wayfarer, candidate: SnapshotRoute): void {
  const live = exchange.snapshot.live(candidate);
  if (live === undefined) return exchange.answer(noRouteAnswer(exchange.path, undefined));
  exchange.enter(live);
  const table = exchange.snapshot.tables.get(exchange.listener.name);
  filter(exchange, 0, candidate.sharedFilters, () => {
    const known = table?.find(exchange, { identity: exchange.identity ?? null });
    if (known?.kind !== 'needs' || known.needs !== 'body') return goOn(exchange, known);
    void jsonBody(exchange, known.maxBodyBytes).then((body) => {
      if (exchange.isSettled) return;
      goOn(exchange, table?.find(exchange, { identity: exchange.identity ?? null, body }));
    });
  });
}

function goOn(exchange: Wayfarer, found: Decision<SnapshotRoute> | undefined): void {
  if (found?.kind === 'route') enter(exchange, found.route, found.route.sharedFilters);
  else exchange.answer(noRouteAnswer(exchange.path, found));
}

/** The body as JSON, as far as it is one; it goes on from memory. */
async function jsonBody(exchange: Wayfarer, maxBytes: number): Promise<{ readonly value: unknown } | null> {
  const { bodyBytes } = exchange.request.head;
  // What may be longer stays where it is.
  if (bodyBytes === 0 || bodyBytes === CHUNKED || bodyBytes > maxBytes) return null;
  try {
    const body = await exchange.readBody(maxBytes);
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return null;
  }
}

function proceed(exchange: Wayfarer): void {
  exchange.proceed();
}

/** A filter has answered: those before it have a say in it. */
function end(exchange: Wayfarer, answer: LocalAnswer, at: number): void {
  exchange.met = at;
  exchange.answer(answer);
}

/** Runs filters; stops where something has to be waited for, and goes on after it. */
function filter(exchange: Wayfarer, from: number, to: number, then: (exchange: Wayfarer) => void): void {
  const filters = exchange.live?.filters ?? [];
  for (let at = from; at < to; at += 1) {
    exchange.met = at + 1;
    const verdict: Verdict | Promise<Verdict> = filters[at]?.request?.(exchange);
    if (verdict === undefined) continue;
    if (!(verdict instanceof Promise)) return end(exchange, verdict, at);
    verdict
      .then((said) => {
        if (exchange.isSettled) return;
        if (said === undefined) filter(exchange, at + 1, to, then);
        else end(exchange, said, at);
      })
      .catch((error: unknown) => exchange.failed(error));
    return;
  }
  then(exchange);
}
