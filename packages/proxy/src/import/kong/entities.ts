import { nearest } from '@fairlead/core';
import type { z } from 'zod';
import type { Place } from '../../snapshot/snapshot-problem.ts';
import type {
  CREDENTIAL_FORMS,
  KongCertificate,
  KongConsumer,
  KongFile,
  KongPlugin,
  KongReference,
  KongRoute,
  KongService,
  KongTarget,
  KongUpstream,
} from './kong-form.ts';
import type { KongReport } from './kong-report.ts';

/** Something that was written, and where. */
export interface Placed<Value> {
  readonly value: Value;
  readonly place: Place;
}

export type Service = Placed<KongService>;
export interface Route extends Placed<KongRoute> {
  readonly service: Service | undefined;
}
export interface Upstream extends Placed<KongUpstream> {
  readonly targets: readonly Placed<KongTarget>[];
}

/** Somebody who may ask, with everything that proves it. */
export interface Consumer extends Placed<KongConsumer> {
  readonly name: string;
  /** Of the plugin acl. */
  readonly groups: readonly string[];
  /** Names of the consumer groups that he is in. */
  readonly consumerGroups: readonly string[];
  readonly keys: readonly Placed<{ readonly key: string; readonly ttl?: number }>[];
  readonly passwords: readonly Placed<{ readonly username: string; readonly password: string }>[];
  readonly secrets: readonly Placed<TokenSecret>[];
}

/** What a consumer's tokens are signed by. */
export interface TokenSecret {
  readonly key?: string | undefined;
  readonly secret?: string | undefined;
  readonly rsa_public_key?: string | undefined;
  readonly algorithm?: string | undefined;
}

/** What proves who a consumer is, by the list that it stands in. */
interface Credentials {
  readonly keyauth_credentials: z.output<(typeof CREDENTIAL_FORMS)['keyauth_credentials']>;
  readonly basicauth_credentials: z.output<(typeof CREDENTIAL_FORMS)['basicauth_credentials']>;
  readonly jwt_secrets: z.output<(typeof CREDENTIAL_FORMS)['jwt_secrets']>;
  readonly acls: z.output<(typeof CREDENTIAL_FORMS)['acls']>;
}

/** A plugin, and whose requests it is for; a member that is `undefined` is any. */
export interface Plugin extends Placed<KongPlugin> {
  readonly service: Service | undefined;
  readonly route: Placed<KongRoute> | undefined;
  readonly consumer: Placed<KongConsumer> | undefined;
  /** By name. */
  readonly consumerGroup: string | undefined;
}

/** Everything that a file defines, its references followed. What is disabled is left out. */
export interface Entities {
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly upstreams: readonly Upstream[];
  readonly consumers: readonly Consumer[];
  readonly plugins: readonly Plugin[];
  readonly certificates: readonly Placed<KongCertificate>[];
}

/** Flattens a file: what is nested and what stands by itself with a reference are the same. */
export function entitiesOf(file: KongFile, report: KongReport): Entities {
  const defaults = file._info?.defaults ?? {};
  const allServices = listed(file.services, ['services']).map(({ value, place }) => ({
    value: { ...defaults.service, ...value },
    place,
  }));
  const findService = finder(allServices, 'service', ['name'], report);
  const enabled = (service: Service): boolean => service.value.enabled !== false;
  for (const service of allServices)
    if (!enabled(service))
      report.note(service.place, `service ${nameOf(service.value)}`, 'is disabled, so that its routes are left out');

  const routes = [
    ...allServices.flatMap((service) =>
      listed(service.value.routes, [...service.place, 'routes']).map(({ value, place }) => ({ value, place, service })),
    ),
    ...listed(file.routes, ['routes']).map(({ value, place }) => ({
      value,
      place,
      service: findService(value.service, [...place, 'service']),
    })),
  ].map((route): Route => ({ ...route, value: { ...defaults.route, ...route.value } }));
  const findRoute = finder(routes, 'route', ['name'], report);

  const upstreams = listed(file.upstreams, ['upstreams']);
  const findUpstream = finder(upstreams, 'upstream', ['name'], report);
  const loose = listed(file.targets, ['targets']).map((target) => ({
    target,
    upstream: findUpstream(target.value.upstream, [...target.place, 'upstream']),
  }));

  const consumers = listed(file.consumers, ['consumers']);
  const findConsumer = finder(consumers, 'consumer', ['username', 'custom_id'], report);
  const groups = listed(file.consumer_groups, ['consumer_groups']);
  const findGroup = finder(groups, 'consumer group', ['name'], report);

  /** A plugin that stands below something is for that, and for what it names besides. */
  function scoped(
    { value, place }: Placed<KongPlugin>,
    below: Partial<Pick<Plugin, 'service' | 'route' | 'consumer' | 'consumerGroup'>>,
  ): Plugin {
    return {
      value,
      place,
      service: below.service ?? findService(value.service, [...place, 'service']),
      route: below.route ?? findRoute(value.route, [...place, 'route']),
      consumer: below.consumer ?? findConsumer(value.consumer, [...place, 'consumer']),
      consumerGroup: below.consumerGroup ?? findGroup(value.consumer_group, [...place, 'consumer_group'])?.value.name,
    };
  }
  const plugins = [
    ...pluginsBelow(file.plugins, []).map((plugin) => scoped(plugin, {})),
    ...allServices.flatMap((service) =>
      pluginsBelow(service.value.plugins, service.place).map((plugin) => scoped(plugin, { service })),
    ),
    ...routes.flatMap((route) =>
      pluginsBelow(route.value.plugins, route.place).map((plugin) => scoped(plugin, { route })),
    ),
    ...consumers.flatMap((consumer) =>
      pluginsBelow(consumer.value.plugins, consumer.place).map((plugin) => scoped(plugin, { consumer })),
    ),
    ...groups.flatMap((group) =>
      pluginsBelow(group.value.plugins, group.place).map((plugin) =>
        scoped(plugin, { consumerGroup: group.value.name }),
      ),
    ),
    ...listed(file.consumer_group_plugins, ['consumer_group_plugins']).map((plugin) => scoped(plugin, {})),
  ];
  const members = listed(file.consumer_group_consumers, ['consumer_group_consumers']).map(({ value, place }) => ({
    consumer: findConsumer(value.consumer, [...place, 'consumer']),
    group: findGroup(value.consumer_group, [...place, 'consumer_group'])?.value.name,
  }));
  const parts = listed(file.plugins_partials, ['plugins_partials']).map(({ value, place }) => {
    const names = namesIn(value.plugin);
    // Those without an id are referred to by their kind.
    const found =
      plugins.find((each) => names.includes(each.value.id ?? '')) ??
      plugins.find((each) => names.includes(each.value.name));
    if (found === undefined)
      report.refuse([...place, 'plugin'], `there is no plugin ${JSON.stringify(names[0])} in this file`);
    return { plugin: found, part: value.partial };
  });
  const withParts = (plugin: Plugin): Plugin => {
    const own = parts.filter((each) => each.plugin === plugin).map(({ part }) => part);
    return own.length === 0 ? plugin : { ...plugin, value: { ...plugin.value, partials: own } };
  };

  /** Those that stand by themselves, with whose they are. */
  function credentials<Name extends keyof Credentials>(
    name: Name,
  ): (consumer: Placed<KongConsumer>) => Placed<Credentials[Name]>[] {
    // `as`: TypeScript doesn't see that a member by a name is a list of what the name stands for.
    const listIn = (holder: Pick<KongFile, keyof Credentials>) =>
      holder[name] as readonly Credentials[Name][] | undefined;
    const alone = listed(listIn(file), [name]).map((each) => {
      const { consumer } = each.value;
      if (consumer === undefined) report.refuse(each.place, 'belongs to no consumer; write consumer');
      return { ...each, whose: findConsumer(consumer, [...each.place, 'consumer']) };
    });
    return (consumer) => [
      ...listed(listIn(consumer.value), [...consumer.place, name]),
      ...alone.filter(({ whose }) => whose === consumer),
    ];
  }
  const keys = credentials('keyauth_credentials');
  const passwords = credentials('basicauth_credentials');
  const secrets = credentials('jwt_secrets');
  const acls = credentials('acls');

  return {
    services: allServices.filter(enabled),
    routes: routes.filter(({ service }) => service === undefined || enabled(service)),
    upstreams: upstreams.map((upstream): Upstream => ({
      value: { ...defaults.upstream, ...upstream.value },
      place: upstream.place,
      targets: [
        ...listed(upstream.value.targets, [...upstream.place, 'targets']),
        ...loose.filter((each) => each.upstream === upstream).map(({ target }) => target),
      ].map(({ value, place }) => ({ value: { ...defaults.target, ...value }, place })),
    })),
    consumers: consumers.map((consumer): Consumer => ({
      ...consumer,
      name: nameOf(consumer.value),
      groups: acls(consumer).map(({ value }) => value.group),
      consumerGroups: [
        ...listed(consumer.value.groups, [...consumer.place, 'groups']).map(({ value }) => namesIn(value)[0] ?? ''),
        ...groups
          .filter(({ value }) =>
            (value.consumers ?? []).some((each) =>
              namesIn(each).some((name) => isNamed(consumer.value, name, ['username', 'custom_id'])),
            ),
          )
          .map(({ value }) => value.name),
        ...members.flatMap((each) => (each.consumer === consumer && each.group !== undefined ? [each.group] : [])),
      ],
      keys: keys(consumer).flatMap(({ value: { key, ttl }, place }) => {
        if (key === undefined) report.refuse(place, 'has no key; Kong would make one that nobody knows');
        return key === undefined ? [] : [{ value: { key, ...(ttl === undefined ? {} : { ttl }) }, place }];
      }),
      passwords: passwords(consumer),
      secrets: secrets(consumer),
    })),
    plugins: plugins.filter(({ value }) => value.enabled !== false).map((plugin) => withParts(plugin)),
    certificates: listed(file.certificates, ['certificates']),
  };
}

/** What people call an entity. */
export function nameOf(value: {
  readonly name?: string | undefined;
  readonly username?: string | undefined;
  readonly custom_id?: string | undefined;
  readonly id?: string | undefined;
}): string {
  return value.name ?? value.username ?? value.custom_id ?? value.id ?? '';
}

function listed<Value>(list: readonly Value[] | undefined, place: Place): Placed<Value>[] {
  return (list ?? []).map((value, at) => ({ value, place: [...place, at] }));
}

function pluginsBelow(plugins: readonly KongPlugin[] | undefined, place: Place): Placed<KongPlugin>[] {
  return listed(plugins, [...place, 'plugins']);
}

/** The names in a reference. */
function namesIn(reference: KongReference): string[] {
  if (typeof reference === 'string') return [reference];
  const { name, username, custom_id: customId, id } = reference;
  return [name, username, customId, id].filter((each) => each !== undefined);
}

type Named = Readonly<Partial<Record<'id' | 'name' | 'username' | 'custom_id', string | undefined>>>;

function isNamed(value: Named, name: string, keys: readonly ('name' | 'username' | 'custom_id')[]): boolean {
  return value.id === name || keys.some((key) => value[key] === name);
}

/** Follows a reference, if there is one; one that leads nowhere is refused. */
type Finder<Entity> = (reference: KongReference | undefined, place: Place) => Entity | undefined;

function finder<Entity extends Placed<Named>>(
  entities: readonly Entity[],
  kind: string,
  keys: readonly ('name' | 'username' | 'custom_id')[],
  report: KongReport,
): Finder<Entity> {
  const known = new Map<string, Entity>();
  // Ids and names come before others, which may be the same as somebody else's name.
  for (const key of ['id', ...keys] as const) {
    const alike = new Set<string>();
    for (const entity of entities) {
      const name = entity.value[key];
      if (name === undefined) continue;
      if (alike.has(name)) report.refuse([...entity.place, key], `there is a ${kind} ${JSON.stringify(name)} already`);
      alike.add(name);
      if (!known.has(name)) known.set(name, entity);
    }
  }
  return (reference, place) => {
    if (reference === undefined) return undefined;
    const names = namesIn(reference);
    const found = names.map((name) => known.get(name)).find((each) => each !== undefined);
    if (found === undefined) {
      const near = nearest(names[0] ?? '', known.keys());
      report.refuse(
        place,
        `there is no ${kind} ${JSON.stringify(names[0])} in this file${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    return found;
  };
}
