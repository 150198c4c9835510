import { nearest } from '@fairlead/core';
import { circles } from './circles.ts';
import type { ExternalModel, ServiceModel, UseModel } from './model.ts';
import type { ImportedService } from './imported-service.ts';
import type { ProblemList } from './problem-list.ts';
import type { ParsedBlueprint } from './schema.ts';
import { compareVersions } from './version.ts';

/** Services and externals share one space of names: whoever is used is found by its name alone. */
export function checkNames(parsed: ParsedBlueprint, problems: ProblemList): void {
  for (const name of Object.keys(parsed.externals)) {
    if (Object.hasOwn(parsed.services, name)) {
      problems.add(['externals', name], 'is the name of a service, too; a name means one thing in the whole platform');
    }
  }
}

/** Every route leads to a service of the platform, and no two answer the same. */
export function checkRoutes(parsed: ParsedBlueprint, problems: ProblemList): void {
  const services = Object.keys(parsed.services);
  const routes = parsed.gateway.routes;
  for (const [index, route] of routes.entries()) {
    const place = ['gateway', 'routes', index];
    const { service } = route;
    // Whether it may be missing is for filters to say.
    if (service !== undefined && Object.hasOwn(parsed.externals, service)) {
      problems.add(
        [...place, 'service'],
        `${JSON.stringify(service)} is an external; the gateway leads to services only`,
      );
    } else if (service !== undefined && !Object.hasOwn(parsed.services, service)) {
      problems.add([...place, 'service'], `there is no service ${quoteWithNearest(service, services)}`);
    }
    const earlier = routes.slice(0, index).findIndex((other) => {
      if (other.path !== route.path) return false;
      return (
        route.methods === undefined ||
        other.methods === undefined ||
        route.methods.some((method) => other.methods?.includes(method))
      );
    });
    if (earlier !== -1) {
      problems.add(
        place,
        `answers ${route.path} for the same methods as gateway.routes[${earlier}]; keep one of them, or give them methods of their own`,
      );
    }
  }
}

/** What `resolveUses` looks at. */
export interface Members {
  readonly parsed: ParsedBlueprint;
  /** Those that could be imported. */
  readonly services: ReadonlyMap<string, ImportedService>;
  readonly externals: ReadonlyMap<string, ExternalModel>;
}

/**
 * Finds what each service uses, by the name of the contract that it holds. One that is not in the platform, or there in
 * a version that the service can't talk to, is added to `problems`.
 */
export function resolveUses(members: Members, problems: ProblemList): Map<string, UseModel[]> {
  const names = [...Object.keys(members.parsed.services), ...Object.keys(members.parsed.externals)];
  const usesOf = new Map<string, UseModel[]>();
  for (const [service, { definition }] of members.services) {
    const uses: UseModel[] = [];
    for (const [alias, contract] of Object.entries(definition.uses ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const place = ['services', service];
      if (!names.includes(contract.name)) {
        problems.add(
          place,
          `uses ${quoteWithNearest(contract.name, names)}, which is no service and no external of this platform`,
        );
        continue;
      }
      const kind = Object.hasOwn(members.parsed.services, contract.name) ? 'service' : 'external';
      const provider =
        kind === 'service'
          ? members.services.get(contract.name)?.definition.contract
          : members.externals.get(contract.name)?.contract;
      // A provider that could not be imported is a problem already.
      const verdict = provider === undefined ? undefined : compareVersions(contract.version, provider.version);
      if (verdict?.kind === 'incompatible') {
        problems.add(
          place,
          `uses ${contract.name} ${contract.version}, and the platform has ${provider?.version}: ${verdict.reason}`,
        );
      }
      uses.push({ alias, kind, name: contract.name });
    }
    usesOf.set(service, uses);
  }
  return usesOf;
}

/**
 * A sentence for each circle of services that wait for each other. A use with consumers is for its events, which nobody
 * waits for: choreography goes in circles on purpose.
 */
export function circleWarnings(services: readonly ServiceModel[]): string[] {
  const edges = new Map(
    services.map(({ name, uses, definition }) => {
      const heard = Object.keys(definition.consumers ?? {});
      const called = uses.filter((use) => use.kind === 'service' && !heard.includes(use.alias));
      return [name, called.map((use) => use.name)];
    }),
  );
  return circles(edges).map(
    (names) => `${names.join(', ')} call each other in a circle: when one of them is slow, all of them are.`,
  );
}

/** A name in quotes, and the nearest of those that there are. */
export function quoteWithNearest(name: string, candidates: readonly string[]): string {
  const suggestion = nearest(name, candidates);
  return suggestion === undefined
    ? JSON.stringify(name)
    : `${JSON.stringify(name)} (did you mean ${JSON.stringify(suggestion)}?)`;
}
