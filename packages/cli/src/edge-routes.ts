import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { GATEWAY_CONFIG, type PlatformState } from '@fairlead/control';
import { realClock, realRandom } from '@fairlead/core';
import { readPlatformGateway, type PlatformGateway } from '@fairlead/proxy';
import { oneLine, type Palette } from './colour.ts';
import { table } from './table.ts';

/** A route of the platform's gateway on which filters stand. */
export interface EdgeRoute {
  readonly path: string;
  /** `undefined` when a filter answers. */
  readonly service: string | undefined;
  /** Besides the platform's own, in the order in which a request meets them. */
  readonly filters: readonly string[];
}

/** What the gateway of a platform that runs was started with; `undefined` when it has not been started yet. */
export async function edgeGateway({ socketDir }: PlatformState): Promise<PlatformGateway | undefined> {
  const file = join(socketDir, `${GATEWAY_CONFIG}.json`);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  return isThere ? readPlatformGateway(file, { clock: realClock(), random: realRandom() }) : undefined;
}

/** The routes of a gateway on which filters stand. */
export function edgeRoutes({ snapshot }: PlatformGateway): readonly EdgeRoute[] {
  return snapshot.routes.flatMap(({ label, destinations, filters }) => {
    const types = filters.map(({ type }) => type).filter((type) => !type.startsWith('platform-'));
    return types.length === 0 ? [] : [{ path: label, service: destinations[0]?.cluster, filters: types }];
  });
}

/** Lines about them; none when there are none. */
export function edgeLines(routes: readonly EdgeRoute[], colour: Palette): readonly string[] {
  if (routes.length === 0) return [];
  const rows = routes.map(({ path, service, filters }) => [
    colour.strong(`${oneLine(path)}${service === undefined ? '' : ` → ${oneLine(service)}`}`),
    filters.join(', '),
  ]);
  return table([['AT THE EDGE', 'FILTERS'].map(colour.faint), ...rows]);
}
