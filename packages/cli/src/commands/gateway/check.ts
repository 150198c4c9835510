import { resolve } from 'node:path';
import { realClock } from '@fairlead/core';
import { describeSnapshot, loadSnapshot, snapshotWarnings, type CompiledSnapshot } from '@fairlead/proxy';
import { command } from '../../command.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { toggle } from '../../flag.ts';
import { importNoteLines } from '../../import-notes.ts';
import { counted, table } from '../../table.ts';
import { fileOf } from './configuration-file.ts';

/** A configuration in a few lines. */
function overview(snapshot: CompiledSnapshot): readonly string[] {
  const { listeners, routes, clusters, origin, hash } = describeSnapshot(snapshot);
  const counts = [
    counted(listeners.length, 'listener'),
    counted(routes.length, 'route'),
    counted(clusters.length, 'cluster'),
  ];
  const rows = [
    ...listeners.map(({ name, address, isTls, routes: count }) => [
      `  listener ${name}`,
      `${address}${isTls ? ', TLS' : ''}`,
      counted(count, 'route'),
    ]),
    ...routes.map((route) => [
      `  route ${route.name}`,
      `${route.hosts.length === 0 ? '' : `${route.hosts.join(', ')} `}${route.matches.join(' or ')}`,
      leadsTo(route.destinations),
    ]),
    ...clusters.map(({ name, endpoints, balancer }) => [
      `  cluster ${name}`,
      balancer,
      endpoints.length === 0 ? 'nobody answers' : endpoints.join(', '),
    ]),
  ];
  return [`${origin} is sound: ${counts.join(', ')}; hash ${hash.slice(0, 12)}.`, ...table(rows)];
}

function leadsTo(destinations: readonly { readonly cluster: string; readonly share: number }[]): string {
  if (destinations.length === 0) return 'answered by a filter';
  const [only, ...more] = destinations;
  if (more.length === 0) return `to ${only?.cluster}`;
  return `to ${destinations.map(({ cluster, share }) => `${cluster} (${percent(share)})`).join(', ')}`;
}

function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10}%`;
}

/** `fairlead gateway check`: what a configuration holds, or everything that is wrong with it. */
export const check = command<{ readonly json: boolean }>({
  name: 'check',
  summary: 'Say what a configuration of the gateway holds, or everything that is wrong with it',
  flags: { json: toggle('print one JSON object') },
  positionals: [fileOf],
  examples: ['fairlead gateway check gateway.yaml'],
  async run(terminal, { json }, [file = '']) {
    const snapshot = await loadSnapshot(resolve(terminal.cwd, file), { clock: realClock(), origin: file });
    const warnings = snapshotWarnings(snapshot);
    if (json) {
      const { loadedAt: _now, ...description } = describeSnapshot(snapshot);
      terminal.out(
        `${JSON.stringify({ ...description, warnings, ...(snapshot.imported === undefined ? {} : { imported: snapshot.imported }) })}\n`,
      );
      return EXIT_CODES.done;
    }
    const { imported } = snapshot;
    const lines = [
      ...overview(snapshot),
      ...(imported === undefined ? [] : importNoteLines(imported, file)),
      ...warnings.map((warning) => `warning: ${warning}`),
    ];
    terminal.out(`${lines.join('\n')}\n`);
    return EXIT_CODES.done;
  },
});
