import { nearest } from '@fairlead/core';
import type { PlatformModel, ServiceModel, UseModel } from '@fairlead/platform';
import { fail } from './errors.ts';

/** The part of a platform that is to run. */
export interface ServiceSelection {
  /** What was asked for and everything that it calls, and what that calls, in the model's order. */
  readonly services: readonly ServiceModel[];
  /** Externals that these call. */
  readonly externals: readonly string[];
  /** Services that are not to run. */
  readonly absent: readonly string[];
  /** Who would hear events of a service that is not to run. Its earlier events still come. */
  readonly unheard: readonly { readonly service: string; readonly source: string }[];
}

/** A use with consumers is for its events, any other is for calls: the rule by which circles of calls are found, too. */
function isHeard({ definition }: ServiceModel, use: UseModel): boolean {
  return Object.hasOwn(definition.consumers ?? {}, use.alias);
}

/**
 * The services that `only` names, with whatever they call, directly or not; everything when it is `undefined` or empty.
 * Services whose events they hear are not needed for them to run, and only named in `unheard`.
 * @throws UNKNOWN_SERVICE with the nearest name
 */
export function selectServices(model: PlatformModel, only: readonly string[] | undefined): ServiceSelection {
  const names = model.services.map(({ name }) => name);
  const chosen = new Set<string>();
  const externals = new Set<string>();
  const add = (name: string): void => {
    if (chosen.has(name)) return;
    const service = model.services.find((each) => each.name === name);
    if (service === undefined) {
      const near = nearest(name, names);
      const hint = near === undefined ? `It has ${names.join(', ')}.` : `Did you mean "${near}"?`;
      throw fail('UNKNOWN_SERVICE', `${model.name} has no service "${name}". ${hint}`);
    }
    chosen.add(name);
    for (const use of service.uses) {
      if (use.kind === 'external') externals.add(use.name);
      else if (!isHeard(service, use)) add(use.name);
    }
  };
  for (const name of only === undefined || only.length === 0 ? names : only) add(name);
  const services = model.services.filter(({ name }) => chosen.has(name));
  const asked = only !== undefined && only.length > 0;
  return {
    services,
    externals: asked ? [...externals] : model.externals.map(({ name }) => name),
    absent: names.filter((name) => !chosen.has(name)),
    unheard: services.flatMap((service) =>
      service.uses
        .filter((use) => use.kind === 'service' && isHeard(service, use) && !chosen.has(use.name))
        .map((use) => ({ service: service.name, source: use.name })),
    ),
  };
}

/** What a person should know about a selection, in sentences; none when everything is to run. */
export function selectionNotes({ absent, unheard }: ServiceSelection): readonly string[] {
  if (absent.length === 0) return [];
  return [
    `Not started: ${absent.join(', ')}. The gateway answers 503 NOT_STARTED for them.`,
    ...unheard.map(
      ({ service, source }) =>
        `${service} listens to events of ${source}, which is not started: name it in --only to have new ones.`,
    ),
  ];
}
