import type { Directive } from './directive.ts';
import type { NginxProblems } from './nginx-problems.ts';
import type { Scope } from './scope.ts';
import { template, type Known } from './variables.ts';
import type { Origins, WrittenFilter } from './written.ts';

/** A zone of `limit_req_zone` or `limit_conn_zone`. */
export interface Zone {
  readonly directive: Directive;
  /** By what requests are told apart, as nginx writes it. */
  readonly key: string;
  /** Such as `10/s`; `undefined` of `limit_conn_zone`. */
  readonly rate: string | undefined;
}

const RATE_BY_PROCESS =
  "nginx's workers count together; with --workers each process here counts for itself: divide the rate by their number, or write the filter rate-limit, which counts for all";
const CAP_BY_PROCESS =
  "nginx's workers count together; with --workers each process here counts for itself: divide limit_conn by their number";

/** Reads the zones of a block, by their names. */
export function readZones(http: Scope, problems: NginxProblems): ReadonlyMap<string, Zone> {
  const zones = new Map<string, Zone>();
  for (const directive of [...http.own('limit_req_zone'), ...http.own('limit_conn_zone')]) {
    const [key = '', ...options] = directive.words;
    const name = valueOf(options, 'zone')?.split(':')[0];
    const [, count, unit] = /^(\d{1,9})r\/([sm])$/.exec(valueOf(options, 'rate') ?? '') ?? [];
    const isRate = directive.name === 'limit_req_zone';
    if (name === undefined) problems.refuse(directive, 'needs zone=name:size');
    else if (isRate && (count === undefined || Number(count) === 0))
      problems.refuse(directive, 'needs rate=10r/s or rate=10r/m');
    else {
      problems.note(directive, isRate ? RATE_BY_PROCESS : CAP_BY_PROCESS);
      zones.set(`${isRate ? 'limit_req' : 'limit_conn'} ${name}`, {
        directive,
        key,
        rate: isRate ? `${count}/${unit}` : undefined,
      });
    }
  }
  return zones;
}

function valueOf(options: readonly string[], key: string): string | undefined {
  return options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** What knows how limits are read. */
export interface LimitWorld {
  readonly zones: ReadonlyMap<string, Zone>;
  readonly problems: NginxProblems;
  readonly origins: Origins;
}

/** The limits of a block, in the order in which nginx asks them: rates before connections. */
export function limitsOf(scope: Scope, known: Known, world: LimitWorld): readonly WrittenFilter[] {
  const rates = scope.level('limit_req').flatMap((directive) => rateOf(directive, scope, known, world) ?? []);
  const caps = scope.level('limit_conn').flatMap((directive) => capOf(directive, scope, known, world) ?? []);
  for (const name of ['limit_req_dry_run', 'limit_conn_dry_run']) {
    const directive = scope.nearest(name);
    if (directive?.words[0] === 'on')
      world.problems.refuse(directive, 'is not known here: limits hold, or they are left out');
  }
  return [...rates, ...caps];
}

function rateOf(directive: Directive, scope: Scope, known: Known, world: LimitWorld): WrittenFilter | undefined {
  const { problems, origins } = world;
  const refuse = (reason: string): undefined => problems.refuse(directive, reason);
  const zone = zoneOf(directive, valueOf(directive.words, 'zone'), world);
  if (zone?.found === undefined) return undefined;
  const burst = valueOf(directive.words, 'burst') ?? '0';
  const delay = valueOf(directive.words, 'delay');
  if (!/^\d{1,9}$/.test(burst)) return refuse(`has burst=${burst}, which is no number`);
  if (delay !== undefined && !/^\d{1,9}$/.test(delay)) return refuse(`has delay=${delay}, which is no number`);
  const by = template(zone.found.key, known);
  if ('fault' in by) return problems.refuse(zone.found.directive, by.fault);
  const isNoDelay = directive.words.includes('nodelay');
  return origins.from(directive, {
    type: 'pace',
    name: zone.name,
    by: by.text,
    rate: zone.found.rate,
    ...(burst === '0' ? {} : { burst: Number(burst), delayAfter: isNoDelay ? Number(burst) : Number(delay ?? 0) }),
    ...statusOf(scope, 'limit_req_status'),
  });
}

function capOf(directive: Directive, scope: Scope, known: Known, world: LimitWorld): WrittenFilter | undefined {
  const { problems, origins } = world;
  const [name, most = ''] = directive.words;
  const zone = zoneOf(directive, name, world);
  if (zone?.found === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(most)) return problems.refuse(directive, `has ${most}, which is no number above 0`);
  const by = template(zone.found.key, known);
  if ('fault' in by) return problems.refuse(zone.found.directive, by.fault);
  return origins.from(directive, {
    type: 'concurrency',
    name: zone.name,
    by: by.text,
    max: Number(most),
    ...statusOf(scope, 'limit_conn_status'),
  });
}

function zoneOf(
  directive: Directive,
  name: string | undefined,
  { zones, problems }: LimitWorld,
): { readonly name: string; readonly found: Zone | undefined } | undefined {
  if (name === undefined) return problems.refuse(directive, 'needs a zone');
  const found = zones.get(`${directive.name} ${name}`);
  if (found === undefined) problems.refuse(directive, `names the zone ${name}, which no ${directive.name}_zone makes`);
  return { name, found };
}

function statusOf(scope: Scope, name: string): { readonly status?: number } {
  const status = Number(scope.nearest(name)?.words[0] ?? 503);
  return { status };
}
