import { resolve } from 'node:path';
import { loadPlatform } from '@fairlead/platform';
import { command } from '../command.ts';
import { toggle } from '../flag.ts';
import { platformFlag } from '../platform-flag.ts';
import { counted, table } from '../table.ts';

/** Flags of `check`. */
interface CheckFlags {
  readonly platform: string;
  readonly json: boolean;
}

/** `fairlead check`: loads a platform and says what it found, or everything that is wrong with it. */
export const check = command<CheckFlags>({
  name: 'check',
  summary: 'Load the platform and say what it holds, or everything that is wrong with it',
  flags: { platform: platformFlag, json: toggle('print one JSON object') },
  examples: ['fairlead check', 'fairlead check --platform examples/shop/platform.ts'],
  async run(terminal, flags) {
    const model = await loadPlatform(resolve(terminal.cwd, flags.platform));
    if (flags.json) {
      const services = model.services.map(({ name, database, uses }) => ({
        name,
        database,
        uses: uses.map((use) => use.name),
      }));
      const externals = model.externals.map(({ name }) => name);
      const { name, tenants, routes, warnings, hash } = model;
      terminal.out(
        `${JSON.stringify({ platform: name, services, externals, tenants: tenants.map(({ id }) => id), routes, warnings, hash })}\n`,
      );
      return 0;
    }
    const rows = [
      ...model.services.map(({ name, database, uses }) => [
        `  ${name}`,
        database ? 'service with a database' : 'service',
        uses.length === 0 ? '' : `uses ${uses.map((use) => use.name).join(', ')}`,
      ]),
      ...model.externals.map(({ name, url, run }) => [
        `  ${name}`,
        'external',
        run === undefined ? (url ?? '') : 'started with the platform',
      ]),
      ...model.routes.map(({ path, service, roles, methods, filters }) => [
        `  ${path}`,
        service === undefined ? 'route answered by a filter' : `route to ${service}`,
        [
          methods?.join(' '),
          roles === undefined ? undefined : `roles ${roles.join(', ')}`,
          filters.length === 0 ? undefined : `filters ${filters.map(({ type }) => type).join(', ')}`,
        ]
          .filter(Boolean)
          .join('; '),
      ]),
    ];
    const tenants =
      model.tenants.length === 0 ? 'any tenant' : `tenants ${model.tenants.map(({ id }) => id).join(', ')}`;
    const lines = [
      `${model.name} is sound: ${counted(model.services.length, 'service')}, ${counted(model.externals.length, 'external')}, ${tenants}.`,
      ...table(rows),
    ];
    for (const warning of model.warnings) lines.push(`warning: ${warning}`);
    terminal.out(`${lines.join('\n')}\n`);
    return 0;
  },
});
