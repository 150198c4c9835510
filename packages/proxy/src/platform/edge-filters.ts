import { nearest } from '@fairlead/core';
import { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import { PARTIAL_FIELD } from '../filters/compose/composed-answer.ts';
import { behindCaches } from '../snapshot/behind-caches.ts';
import { filterForm } from '../snapshot/filter-form.ts';
import type { FilterKind } from '../snapshot/filter-kind.ts';
import { FILTER_KINDS } from '../snapshot/filter-kinds.ts';
import { clustersInside } from '../snapshot/filter-references.ts';
import { withNested } from '../snapshot/nested-filters.ts';
import { issueMessage, shapeProblems } from '../snapshot/shape-problems.ts';
import type { Place } from '../snapshot/snapshot-problem.ts';

/** One thing that is wrong with a route's filters. */
export interface EdgeFilterProblem {
  /** Within the list of filters. */
  readonly place: Place;
  readonly message: string;
}

/** A platform's filters of one route, as they were read. */
export interface EdgeFilters {
  /** Empty when there are problems. */
  readonly filters: readonly FilterSpec[];
  readonly problems: readonly EdgeFilterProblem[];
  /** Whether one of them answers every request, so that the route needs no service. */
  readonly answersAll: boolean;
  /** Services that they ask. */
  readonly services: readonly string[];
}

const form = z.array(filterForm(FILTER_KINDS));
/** What a filter may name of the fields by which the platform says who asks. */
const OPEN_FIELDS = new Set([PARTIAL_FIELD, 'x-fairlead-mirror']);

/**
 * Reads the filters of a platform's route: those of the gateway by itself, where clusters are services. Who asks is proved by
 * the platform's token alone.
 */
export function readEdgeFilters(written: unknown, services: readonly string[]): EdgeFilters {
  const result = form.safeParse(written, { error: issueMessage });
  if (!result.success) {
    const problems = shapeProblems(result.error.issues);
    return { filters: [], problems, answersAll: false, services: [] };
  }
  const filters = result.data;
  const named = filters.map((filter) => clustersInside(filter, FILTER_KINDS));
  const behind = filters.flatMap((filter, at) => (isAtDoor(filter) ? [] : [{ written: filter, place: [at] }]));
  const each = filters.flatMap((filter, at): EdgeFilterProblem[] => [
    ...identifyingIn(filter).map((place) => ({
      place: [at, ...place, 'type'],
      message: 'says who asks, which is for the platform’s token to say; leave it out',
    })),
    ...(named[at] ?? []).flatMap(({ cluster, path }) =>
      services.includes(cluster) ? [] : [{ place: [at, ...path], message: noService(cluster, services) }],
    ),
    ...withNested(filter, FILTER_KINDS).flatMap(({ written: each, place }) =>
      storeProblems(each).map((problem) => ({ ...problem, place: [at, ...place, ...problem.place] })),
    ),
    ...ownFieldsIn(filter).map((place) => ({
      place: [at, ...place],
      message: 'is a field by which the platform itself says who asks; leave it out',
    })),
  ]);
  const problems = [...each, ...behindCaches(behind, FILTER_KINDS)];
  return {
    filters: problems.length === 0 ? filters : [],
    problems,
    answersAll: filters.some(answersAll),
    services: [...new Set(named.flat().map(({ cluster }) => cluster))],
  };
}

/**
 * A platform's filters in two: those that need not know who asks, and stand before the token, such as CORS, whose preflights
 * have none; and the others.
 */
export function atTheDoor(filters: readonly FilterSpec[]): {
  readonly door: readonly FilterSpec[];
  readonly inside: readonly FilterSpec[];
} {
  return { door: filters.filter(isAtDoor), inside: filters.filter((filter) => !isAtDoor(filter)) };
}

function isAtDoor(filter: FilterSpec): boolean {
  return kindOf(filter)?.isAtDoor?.(filter) === true;
}

/** Whether a filter answers every request itself. */
export function answersAll(filter: FilterSpec): boolean {
  return kindOf(filter)?.answersAll === true;
}

function kindOf({ type }: FilterSpec): FilterKind | undefined {
  return FILTER_KINDS.find((kind) => kind.type === type);
}

function noService(name: string, services: readonly string[]): string {
  const near = nearest(name, services);
  const hint = near === undefined ? `there are: ${services.join(', ') || 'none'}` : `did you mean ${near}?`;
  return `there is no service ${JSON.stringify(name)}; ${hint}`;
}

/** Stores that a filter wants and a platform's gateway is not given. */
function storeProblems(written: unknown): readonly EdgeFilterProblem[] {
  if (typeof written !== 'object' || written === null || !('type' in written)) return [];
  if (written.type === 'rate-limit' && 'shared' in written)
    return [{ place: ['shared'], message: 'a platform has no store to count in together yet; leave it out' }];
  if (written.type !== 'cache' || !('store' in written)) return [];
  const { store } = written;
  return typeof store === 'object' && store !== null && 'redis' in store
    ? [
        {
          place: ['store', 'redis'],
          message: 'a platform’s gateway is given no Redis yet; keep it in memory or on disk',
        },
      ]
    : [];
}

/** Where filters stand that say who asks, also within others. */
function identifyingIn(value: unknown): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'type' in value && FILTER_KINDS.some((kind) => kind.type === value.type && kind.identifies === true);
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [
    ...(own ? [[]] : []),
    ...entries.flatMap(([key, member]) => identifyingIn(member).map((rest) => [key, ...rest])),
  ];
}

/** Where names of the platform's own fields stand, as keys or as texts. */
function ownFieldsIn(value: unknown): readonly (readonly (string | number)[])[] {
  if (typeof value === 'string') return isOwn(value) ? [[]] : [];
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, member]) => [
    ...(typeof key === 'string' && isOwn(key) ? [[key]] : []),
    ...ownFieldsIn(member).map((rest) => [key, ...rest]),
  ]);
}

function isOwn(text: string): boolean {
  const name = text.toLowerCase();
  return name.startsWith('x-fairlead-') && !OPEN_FIELDS.has(name);
}
