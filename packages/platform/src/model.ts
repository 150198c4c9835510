import type { Contract } from '@fairlead/contract';
import type { PolicySpec } from '@fairlead/policy';
import type { ServiceDefinition } from '@fairlead/service';
import type { FilterDefinition } from './definition.ts';

/** Whom a service calls or listens to. */
export interface UseModel {
  /** The name in the service's `uses`, by which its code says `kit.calls.<alias>`. */
  readonly alias: string;
  readonly kind: 'service' | 'external';
  /** Name of the service or external: the name that its contract bears. */
  readonly name: string;
}

/** A service of the platform. */
export interface ServiceModel {
  readonly name: string;
  /** Absolute path of its module. */
  readonly module: string;
  /** What the module exports. Frozen as `defineService` left it; it holds schemas and functions. */
  readonly definition: ServiceDefinition;
  /** In the order of aliases. */
  readonly uses: readonly UseModel[];
  /** Those of the platform's policies that its calls come under. */
  readonly policies: Readonly<Record<string, PolicySpec>>;
  readonly database: boolean;
  /** Folder of its migrations, as a `file:` URL; `undefined` without a database. */
  readonly migrations: string | undefined;
}

/** A provider outside the platform. */
export interface ExternalModel {
  readonly name: string;
  readonly contract: Contract;
  /** Absolute path of the contract's module. */
  readonly contractModule: string;
  /** Absolute path of the module to start; `undefined` when only `url` leads to it. At least one of the two is there. */
  readonly run: string | undefined;
  /** Without a slash at its end. */
  readonly url: string | undefined;
  /** For the process that `run` starts. */
  readonly env: Readonly<Record<string, string>>;
}

/** A tenant of the platform. */
export interface TenantModel {
  readonly id: string;
  /** Deep-frozen JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A route of the gateway, with every default filled in. */
export interface RouteModel {
  readonly path: string;
  /** `undefined` when a filter answers every request. */
  readonly service: string | undefined;
  /** Sorted; `undefined` means every method. */
  readonly methods: readonly string[] | undefined;
  /** Sorted; at least one is needed. `undefined` means every authenticated subject. */
  readonly roles: readonly string[] | undefined;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
  /** As they were written, those for all routes first; each is one that the gateway can run. */
  readonly filters: readonly FilterDefinition[];
}

/**
 * The platform as every topology sees it: validated as a whole, deep-frozen (but for the definitions and contracts of
 * modules, which are frozen by who made them), its lists sorted by name.
 */
export interface PlatformModel {
  readonly name: string;
  /** Absolute path of the blueprint. */
  readonly file: string;
  /** The folder that the blueprint lies in. */
  readonly root: string;
  readonly services: readonly ServiceModel[];
  readonly externals: readonly ExternalModel[];
  readonly tenants: readonly TenantModel[];
  /** By whom the calls go to: `billing`, `billing.charge`, `*`. As declared; each is one that a policy can be made of. */
  readonly policies: Readonly<Record<string, PolicySpec>>;
  /** The longest prefix first. */
  readonly routes: readonly RouteModel[];
  /** What is allowed but deserves a look, such as services that call each other in a circle. */
  readonly warnings: readonly string[];
  /**
   * SHA-256 (hex) of all of the above as declared: names, module paths relative to `root`, contracts' names and versions, routes,
   * policies, tenants. The same on every machine and for any order of keys; not of the modules' code.
   */
  readonly hash: string;
}
