import type { PolicySpec } from '@fairlead/policy';

/** Registered, so that a blueprint is known across two copies of this package. */
const blueprintMark: unique symbol = Symbol.for('fairlead.blueprint');

/**
 * How long something may take, as people write it: a number and `ms`, `s`, `m` or `h` (`250ms`, `10s`, `1.5m`).
 * `0s` means no limit of this kind, where an option's docstring allows it.
 */
export type DurationText = `${number}${'ms' | 's' | 'm' | 'h'}`;

/** How large something may be, as people write it: a number and `B`, `KiB`, `MiB` or `GiB` (`64KiB`). */
export type SizeText = `${number}${'B' | 'KiB' | 'MiB' | 'GiB'}`;

/**
 * A filter of the gateway, such as `{ type: 'rate-limit', by: 'tenant', rates: ['100/s'] }`: what can be written, and what it
 * means, is the same as in the configuration of a gateway by itself. Clusters that it names are services of this platform.
 */
export type FilterDefinition = Readonly<Record<string, unknown>> & { readonly type: string };

/** A rule of the gateway: which paths go to which service, for whom, and for how long. */
export interface RouteDefinition {
  /**
   * A prefix of whole path segments that starts with `/`: `/orders` matches `/orders` and `/orders/42`, never
   * `/ordersheet`. The longest matching prefix wins. `/-` and what is below it belongs to the gateway itself.
   */
  readonly path: string;
  /** Name of a service of this platform. May be left out where a filter answers every request, such as `compose`. */
  readonly service?: string;
  /** Methods that this route answers, in capitals. Default: all of them; GET includes HEAD. */
  readonly methods?: readonly string[];
  /** The token must state at least one of these. Default: every authenticated subject may pass. */
  readonly roles?: readonly string[];
  /** Time for the whole exchange. Default: `gateway.timeout`. 0 is refused: a deadline is what keeps an edge alive. */
  readonly timeout?: DurationText;
  /** Largest request body. Default: `gateway.maxBody`. 0 means no body at all. */
  readonly maxBody?: SizeText;
  /**
   * What stands between the route and its service, after the gateway's own. Those that need not know who asks (`cors`, `ip`, `compress`, a
   * `rate-limit` by `ip`) come before the platform's token is looked at, all others behind it. Default: none.
   */
  readonly filters?: readonly FilterDefinition[];
}

/** The edge of the platform. */
export interface GatewayDefinition {
  /** Filters for all routes, before their own. Default: none. */
  readonly filters?: readonly FilterDefinition[];
  readonly routes: readonly RouteDefinition[];
  /** Time for the whole exchange, for routes that don't say. Default `10s`. 0 is refused. */
  readonly timeout?: DurationText;
  /** Largest request body, for routes that don't say. Default `1MiB`. 0 means no body at all. */
  readonly maxBody?: SizeText;
}

/**
 * A provider outside the platform that services call through a contract. At least one of `run` and `url` is needed: topologies that
 * start processes use `run` when it is there; all others use `url`.
 */
export interface ExternalDefinition {
  /** Path, relative to the blueprint, of a module whose default export is the contract. */
  readonly contract: string;
  /** Path, relative to the blueprint, of a module to start as a process of its own. */
  readonly run?: string;
  /** Where it answers: an `http:` or `https:` origin, with or without a path. */
  readonly url?: string;
  /** Environment of the process that `run` starts, besides what the topology sets. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A tenant's settings: any JSON members, by the platform's own convention; `displayName` is shown to people. */
export type TenantSettings = Readonly<Record<string, unknown>> & { readonly displayName?: string };

/** The blueprint, as people write it. Module paths are relative to the file that it is written in. */
export interface PlatformDefinition {
  /** Lower-case letters, digits and dashes; at most 40 characters. */
  readonly name: string;
  /** Service name → path of the module whose default export is its `defineService`. */
  readonly services: Readonly<Record<string, string>>;
  /** Providers outside the platform, by the name that their contract bears. Default: none. */
  readonly externals?: Readonly<Record<string, ExternalDefinition>>;
  /** Tenant id → settings. Default: none. */
  readonly tenants?: Readonly<Record<string, TenantSettings>>;
  /**
   * How calls behave under stress, by whom they go to: `billing` for every call to that service or external,
   * `billing.charge` for one operation, `*` for all that have none of their own. The nearest one counts, and whole: they are
   * not merged. Default: `DEFAULT_POLICY` of service for every call.
   */
  readonly policies?: Readonly<Record<string, PolicySpec>>;
  readonly gateway: GatewayDefinition;
}

/** A blueprint that `definePlatform` has marked, so that `loadPlatform` knows one when it sees it. */
export interface Blueprint {
  readonly [blueprintMark]: true;
  readonly definition: PlatformDefinition;
}

/**
 * Marks a blueprint: `export default definePlatform({ … })` in `platform.ts`. Nothing is checked here but types;
 * `loadPlatform` knows the file, and reports everything that is wrong with it at once.
 */
export function definePlatform(definition: PlatformDefinition): Blueprint {
  return Object.freeze({ [blueprintMark]: true as const, definition });
}

/** Whether `value` came from `definePlatform`. */
export function isBlueprint(value: unknown): value is Blueprint {
  return typeof value === 'object' && value !== null && blueprintMark in value;
}
