import type { Directive } from './directive.ts';
import type { Scope } from './scope.ts';
import { timeMs } from './units.ts';
import {
  addressCluster,
  serverAddress,
  upstreamCluster,
  type AskedHow,
  type Upstream,
  type WrittenCluster,
} from './upstreams.ts';
import type { Origins } from './written.ts';

/** Whom a `proxy_pass` names. */
export interface Target {
  readonly scheme: 'http' | 'https';
  /** As it is written: an upstream's name, `host:port`, or `unix:/path`. */
  readonly authority: string;
}

/** The clusters that places need: one for each upstream or address, and way to ask it. */
export class Clusters {
  readonly written: Record<string, WrittenCluster> = {};
  /** What requests to a cluster are kept together by. */
  readonly hashBy = new Map<string, Directive>();
  readonly #upstreams: ReadonlyMap<string, Upstream>;
  readonly #origins: Origins;
  readonly #names = new Map<string, string>();

  constructor(upstreams: ReadonlyMap<string, Upstream>, origins: Origins) {
    this.#upstreams = upstreams;
    this.#origins = origins;
  }

  /** The cluster for a target, as it is asked from a place; `undefined` when it is no address. */
  nameOf(target: Target, scope: Scope, directive: Directive): string | undefined {
    const { scheme, authority } = target;
    const upstream = this.#upstreams.get(authority);
    const address = serverAddress(authority);
    if (upstream === undefined && address === undefined) return undefined;
    const isUsual = address !== undefined && 'host' in address && address.port === (scheme === 'https' ? 443 : 80);
    const host = isUsual ? authority.replace(/:\d+$/, '') : authority.startsWith('unix:') ? 'localhost' : authority;
    const how: AskedHow = {
      scheme,
      host,
      connectMs: timeMs(scope.nearest('proxy_connect_timeout')?.words[0] ?? '') ?? 60_000,
      retry: upstream === undefined ? undefined : retryOf(scope),
    };
    const key = `${upstream === undefined ? 'address' : 'upstream'} ${authority} ${JSON.stringify(how)}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#newName(authority);
    this.#names.set(key, name);
    if (upstream !== undefined) {
      this.written[name] = this.#origins.from(upstream.directive, upstreamCluster(upstream, how));
      if (upstream.hashBy !== undefined) this.hashBy.set(name, upstream.hashBy);
    } else if (address !== undefined) this.written[name] = this.#origins.from(directive, addressCluster(address, how));
    return name;
  }

  #newName(authority: string): string {
    const plain = authority
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 58);
    const base = plain === '' ? 'upstream' : plain;
    for (let count = 1; ; count += 1) {
      const name = count === 1 ? base : `${base}-${count}`;
      if (!Object.hasOwn(this.written, name)) return name;
    }
  }
}

const STATUSES: Readonly<Record<string, number>> = {
  http_403: 403,
  http_404: 404,
  http_429: 429,
  http_500: 500,
  http_502: 502,
  http_503: 503,
  http_504: 504,
};

/** After what another server is asked. */
function retryOf(scope: Scope): AskedHow['retry'] {
  const words = scope.nearest('proxy_next_upstream')?.words ?? ['error', 'timeout'];
  if (words.includes('off')) return undefined;
  const tries = Number(scope.nearest('proxy_next_upstream_tries')?.words[0] ?? 0);
  return { statuses: words.flatMap((word) => STATUSES[word] ?? []), tries };
}
