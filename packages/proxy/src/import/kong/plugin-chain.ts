import { nearest } from '@fairlead/core';
import { given } from '../../snapshot/given.ts';
import { issueMessage, shapeProblems } from '../../snapshot/shape-problems.ts';
import { formatPlace, type Place } from '../../snapshot/snapshot-problem.ts';
import { nameOf, type Entities, type Placed, type Plugin, type Route, type Service } from './entities.ts';
import type { KongReport } from './kong-report.ts';
import { PLUGINS, refusalOf, WATCHING } from './plugin-kinds.ts';
import type { ConsumerBook, PluginImport, PluginResult, WrittenFilter } from './plugin-import.ts';

/** What a route's plugins become. */
export interface Chain {
  /** Before what a route does to paths and hosts. */
  readonly before: readonly WrittenFilter[];
  /** After it, since they may do it otherwise. */
  readonly after: readonly WrittenFilter[];
  readonly maxBody: string | undefined;
}

interface ChainWorld {
  readonly entities: Entities;
  readonly consumers: ConsumerBook;
  readonly hasPlainPasswords: boolean;
  readonly shared: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly report: KongReport;
  /** Remembers where a filter was written. */
  readonly wrote: (filter: object, place: Place) => void;
}

/**
 * Which plugins work at a route, and in which order. Of several of a kind the most specific works, by Kong's order: consumer,
 * route and service together before two of them, those before one, and the plugin for everything last.
 */
export class PluginChains {
  readonly #world: ChainWorld;
  readonly #plugins: readonly { readonly plugin: Plugin; readonly kind: PluginImport }[];
  readonly #configs = new Map<Plugin, ReadConfig | undefined>();
  readonly #identity: WrittenFilter;

  constructor(world: ChainWorld) {
    this.#world = world;
    this.#plugins = world.entities.plugins.flatMap((plugin) => {
      const kind = this.#kindOf(plugin);
      return kind === undefined ? [] : [{ plugin, kind }];
    });
    this.#identity = {
      type: 'headers',
      request: {
        set: {
          'x-consumer-id': '{claim:about.id}',
          'x-consumer-custom-id': '{claim:about.custom_id}',
          'x-consumer-username': '{claim:about.username}',
          'x-credential-identifier': '{claim:about.credential}',
          'x-anonymous-consumer': '{claim:about.anonymous}',
        },
        remove: ['x-consumer-groups', 'x-authenticated-groups'],
        omitEmpty: true,
      },
    };
    this.#refuseTwice();
  }

  /** The filters of a route. */
  of(route: Route): Chain {
    const byName = Map.groupBy(
      this.#plugins.filter(({ plugin }) => worksAt(plugin, route)),
      ({ plugin }) => plugin.value.name,
    );
    const before: WrittenFilter[] = [];
    const after: WrittenFilter[] = [];
    let maxBodyBytes: number | undefined;
    const chains = [...byName.values()].toSorted((a, b) => priorityOf(b) - priorityOf(a));
    const last = chains.findLast(([each]) => each?.kind.identifies === true);
    for (const chain of chains) {
      const made = this.#choose(chain, route.service);
      (priorityOf(chain) > REQUEST_TRANSFORMER ? before : after).push(...made.filters);
      maxBodyBytes ??= made.maxBodyBytes;
      if (chain === last) before.push(this.#identity);
    }
    return { before, after, maxBody: maxBodyBytes === undefined ? undefined : `${maxBodyBytes}B` };
  }

  /** Looks at plugins that no route has: of them, too, people want to hear what is wrong. */
  finish(): void {
    for (const { plugin, kind } of this.#plugins)
      if (!this.#configs.has(plugin)) this.#become(plugin, kind, plugin.service);
  }

  #refuseTwice(): void {
    for (const group of Map.groupBy(this.#plugins, ({ plugin }) => plugin.value.name).values())
      for (const [index, { plugin }] of group.entries())
        if (group.slice(0, index).some((each) => isSameScope(each.plugin, plugin)))
          this.#world.report.refuse(
            plugin.place,
            `is there twice: another ${plugin.value.name} is for the same requests`,
          );
  }

  /** Of plugins of one kind those that work: one, or others for some consumers. */
  #choose(
    chain: readonly { readonly plugin: Plugin; readonly kind: PluginImport }[],
    service: Service | undefined,
  ): PluginResult {
    const ranked = chain.toSorted((a, b) => rankOf(b.plugin) - rankOf(a.plugin));
    const base = ranked.find(({ plugin }) => !isForConsumers(plugin));
    const otherwise = base && this.#become(base.plugin, base.kind, service);
    const cases = new Map<Plugin, string[]>();
    for (const { name, value, consumerGroups } of this.#world.entities.consumers) {
      const best = ranked.find(
        ({ plugin }) =>
          (plugin.consumer === undefined || plugin.consumer.value === value) &&
          (plugin.consumerGroup === undefined || consumerGroups.includes(plugin.consumerGroup)),
      );
      if (best === undefined || !isForConsumers(best.plugin)) continue;
      const consumers = cases.get(best.plugin);
      if (consumers === undefined) cases.set(best.plugin, [name]);
      else consumers.push(name);
    }
    if (cases.size === 0) return otherwise ?? NOTHING;
    const [first] = chain;
    const made = [...cases].map(([plugin, consumers]) => ({
      consumers,
      result: first === undefined ? NOTHING : this.#become(plugin, first.kind, service),
    }));
    const most = mostBytes([otherwise ?? NOTHING, ...made.map(({ result }) => result)]);
    const filter: WrittenFilter = {
      type: 'by-consumer',
      cases: made.map(({ consumers, result }) => ({ consumers, filters: withinLimit(result, most) })),
      otherwise: withinLimit(otherwise ?? NOTHING, most),
    };
    const [plugin] = cases.keys();
    if (plugin !== undefined) {
      this.#world.wrote(filter, plugin.place);
      if (made.some(({ result }) => result.maxBodyBytes !== undefined))
        this.#world.report.note(
          plugin.place,
          wordsOf(plugin),
          'makes limits hang on who asks: a body without Content-Length is refused with 411 wherever the route takes larger ones for somebody else',
        );
    }
    return { filters: [filter], ...given({ maxBodyBytes: most }) };
  }

  #kindOf(plugin: Plugin): PluginImport | undefined {
    const { value, place, consumer, consumerGroup } = plugin;
    const { report } = this.#world;
    const { name } = value;
    const kind = PLUGINS.find((each) => each.name === name);
    if (value.ordering !== undefined)
      report.refuseKey(
        [...place, 'ordering'],
        'changes the order of plugins, which is fixed here; leave it out, or order the filters of the imported form',
      );
    if (value.condition !== undefined)
      report.refuseKey(
        [...place, 'condition'],
        'is an expression that decides for each request; write a route of its own',
      );
    if (value.partials !== undefined) {
      if (name.startsWith('rate-limiting'))
        report.note(
          [...place, 'partials'],
          wordsOf(plugin),
          'is counted by this gateway by itself, its workers together; what partials say of Redis is not looked at',
        );
      else report.refuseKey([...place, 'partials'], 'takes parts of other entities in; write them out');
    }
    if (kind === undefined) {
      if (Object.hasOwn(WATCHING, name)) {
        report.note(place, `plugin ${name}`, `is left out: ${WATCHING[name]}`);
        return undefined;
      }
      const near = nearest(
        name,
        PLUGINS.map((each) => each.name),
      );
      const hint =
        near === undefined ? `there are ${PLUGINS.map((each) => each.name).join(', ')}` : `did you mean ${near}?`;
      report.refuse([...place, 'name'], `the plugin ${name} ${refusalOf(name) ?? `is not known here; ${hint}`}`);
      return undefined;
    }
    if (kind.takesConsumers === false && (consumer !== undefined || consumerGroup !== undefined)) {
      report.refuse(place, `the plugin ${name} can not be for one consumer: it works before it is known who asks`);
      return undefined;
    }
    return kind;
  }

  #become(plugin: Plugin, kind: PluginImport, at: Service | undefined): PluginResult {
    const config = this.#configOf(plugin, kind);
    if (config === undefined) return { filters: [] };
    const service = kind.hangsOnService?.(config.read) === true ? at : undefined;
    const known = config.made.get(service);
    if (known !== undefined) return known;
    const { report, entities, consumers, hasPlainPasswords } = this.#world;
    const result = kind.become(config.read, {
      place: [...plugin.place, 'config'],
      what: wordsOf(plugin),
      scope: wordsOf(plugin).replace(/^plugin /, ''),
      service,
      entities,
      consumers,
      hasPlainPasswords,
      report,
    });
    for (const filter of result.filters) this.#world.wrote(filter, plugin.place);
    config.made.set(service, result);
    return result;
  }

  /** A plugin's configuration, read once; `undefined` when it is refused. */
  #configOf(plugin: Plugin, kind: PluginImport): ReadConfig | undefined {
    if (this.#configs.has(plugin)) return this.#configs.get(plugin);
    const { report, shared } = this.#world;
    const { _config: ofShared, config = {} } = plugin.value;
    const common = ofShared === undefined ? {} : shared[ofShared];
    if (common === undefined)
      report.refuse([...plugin.place, '_config'], `there is no ${JSON.stringify(ofShared)} among _plugin_configs`);
    const read = kind.form.safeParse({ ...common, ...config }, { error: issueMessage });
    if (!read.success) report.problems.push(...shapeProblems(read.error.issues, [...plugin.place, 'config']));
    const found = read.success ? { read: read.data, made: new Map<Service | undefined, PluginResult>() } : undefined;
    this.#configs.set(plugin, found);
    return found;
  }
}

/** A plugin's configuration, and what it has become by the service that it works at. */
interface ReadConfig {
  readonly read: unknown;
  readonly made: Map<Service | undefined, PluginResult>;
}

const NOTHING: PluginResult = { filters: [] };

/** The largest body that any of them takes, by which the route itself is bound; `undefined` when one takes any. */
function mostBytes(results: readonly PluginResult[]): number | undefined {
  const limits = results.map(({ maxBodyBytes = Infinity }) => maxBodyBytes);
  const most = Math.max(...limits);
  return most === Infinity ? undefined : most;
}

/**
 * The filters of one of several who have limits of their own. Only the route counts the bytes of a body as they come, so that whoever
 * may send fewer than the route takes has to say how many, or chunks would get round the limit.
 */
function withinLimit({ filters, maxBodyBytes }: PluginResult, most: number | undefined): readonly WrittenFilter[] {
  if (maxBodyBytes === undefined || maxBodyBytes === most || filters.length > 0) return filters;
  return [{ type: 'request-size', max: `${maxBodyBytes}B`, requireLength: true }];
}

/** The first that may write another path or host. */
const REQUEST_TRANSFORMER = 801;

function priorityOf([first]: readonly { readonly kind: PluginImport }[]): number {
  return first?.kind.priority ?? 0;
}

/** A plugin in words: `plugin rate-limiting of service users`. */
function wordsOf({ value, service, route, consumer, consumerGroup }: Plugin): string {
  const whose = [
    ...(service === undefined ? [] : [`service ${calledOf(service)}`]),
    ...(route === undefined ? [] : [`route ${calledOf(route)}`]),
    ...(consumer === undefined ? [] : [`consumer ${calledOf(consumer)}`]),
    ...(consumerGroup === undefined ? [] : [`consumer group ${consumerGroup}`]),
  ];
  return `plugin ${value.name}${whose.length === 0 ? '' : ` of ${whose.join(', ')}`}`;
}

/** What an entity is called, or where it stands when it has no name. */
function calledOf({ value, place }: Placed<Parameters<typeof nameOf>[0]>): string {
  return nameOf(value) || formatPlace(place);
}

function worksAt({ service, route }: Plugin, at: Route): boolean {
  return (
    (service === undefined || service.value === at.service?.value) && (route === undefined || route.place === at.place)
  );
}

function isForConsumers({ consumer, consumerGroup }: Plugin): boolean {
  return consumer !== undefined || consumerGroup !== undefined;
}

function isSameScope(a: Plugin, b: Plugin): boolean {
  return (
    a.service?.value === b.service?.value &&
    a.route?.place === b.route?.place &&
    a.consumer?.value === b.consumer?.value &&
    a.consumerGroup === b.consumerGroup &&
    a.value.instance_name === b.value.instance_name
  );
}

/** Kong's order of precedence, with consumer groups as its enterprise edition has them: the higher one works. */
function rankOf({ consumer, consumerGroup, route, service }: Plugin): number {
  const places = (route === undefined ? 0 : 1) + (service === undefined ? 0 : 1);
  if (consumer !== undefined) return [5, service === undefined ? 10 : 9, 12][places] ?? 0;
  if (consumerGroup !== undefined) return [4, service === undefined ? 8 : 7, 11][places] ?? 0;
  return [1, service === undefined ? 3 : 2, 6][places] ?? 0;
}
