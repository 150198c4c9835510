// How a blueprint becomes a model:
//   definition.ts    the blueprint, as people write it
//   schema.ts        its shape in zod; quantity.ts parses 10s and 64KiB; shape.ts turns zod's issues into sentences
//   module-file.ts   importing the modules that it names; module-kind.ts, what they must export
//   references.ts    what only the whole can tell: names, uses, versions, routes; version.ts, circles.ts
//   policies.ts      whom the policies are for, and whether they can be used; filters.ts, whether the gateway can run them
//   model.ts         what comes out
//   problem-list.ts  everything that is wrong, gathered
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Contract } from '@fairlead/contract';
import { deepFreeze, stableHash } from '@fairlead/core';
import { isBlueprint } from './definition.ts';
import type { PlatformDefinition } from './definition.ts';
import { fail } from './errors.ts';
import type { ExternalModel, PlatformModel, RouteModel, ServiceModel } from './model.ts';
import type { ImportedService } from './imported-service.ts';
import { checkFile, exists, firstLine, importDefault } from './module-file.ts';
import { isContract, isServiceDefinition } from './module-kind.ts';
import { checkFilters } from './filters.ts';
import { checkPolicies, policiesFor } from './policies.ts';
import { ProblemList } from './problem-list.ts';
import { checkNames, checkRoutes, circleWarnings, resolveUses } from './references.ts';
import type { ParsedBlueprint } from './schema.ts';
import { parseShape } from './shape.ts';

/**
 * Imports the blueprint at `file` (absolute, or relative to the working directory) and everything it names, checks the
 * whole and answers one immutable model. Every problem is reported at once.
 *
 * Modules are imported once a process: to see a changed file, load in a new process.
 *
 * @throws PLATFORM_NOT_FOUND there is no such file.
 * @throws PLATFORM_UNLOADABLE it can't be imported, or its default export is no blueprint.
 * @throws PLATFORM_INVALID the blueprint is wrong; `details.problems` lists `{ path, message }`.
 */
export async function loadPlatform(file: string): Promise<PlatformModel> {
  const path = resolve(file);
  const definition = await importBlueprint(path);
  return buildModel(path, definition);
}

/**
 * The model of a blueprint that is already in memory, as if it had been written in `file`: module paths are relative to
 * that file's folder.
 *
 * @throws PLATFORM_INVALID as `loadPlatform` does.
 */
export async function buildModel(file: string, definition: PlatformDefinition): Promise<PlatformModel> {
  const root = dirname(file);
  const problems = new ProblemList();
  const parsed = parseShape(definition, problems);
  problems.throwIfAny(file);
  // Unreachable: a shape that did not parse has left problems.
  if (parsed === undefined) throw fail('PLATFORM_INVALID', `${file} has no valid shape`);

  checkNames(parsed, problems);
  const [services, externals] = await Promise.all([
    importServices(root, parsed, problems),
    importExternals(root, parsed, problems),
  ]);
  const usesOf = resolveUses({ parsed, services, externals }, problems);
  checkRoutes(parsed, problems);
  await checkFilters(parsed, problems);
  checkPolicies({ parsed, services, externals }, problems);
  problems.throwIfAny(file);

  const policies = Object.fromEntries(sortedEntries(structuredClone(parsed.policies)));
  const serviceModels: ServiceModel[] = [...services].map(([name, { module, definition: service }]) => ({
    name,
    module,
    definition: service,
    uses: usesOf.get(name) ?? [],
    policies: policiesFor(policies, usesOf.get(name) ?? []),
    database: service.database !== undefined,
    migrations: service.database === undefined ? undefined : String(service.database.migrations),
  }));
  const declared = {
    name: parsed.name,
    services: serviceModels,
    externals: [...externals.values()],
    tenants: Object.entries(parsed.tenants)
      .map(([id, settings]) => ({ id, settings: structuredClone(settings) }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    policies,
    routes: routeModels(parsed),
  };
  return deepFreeze({
    ...declared,
    file,
    root,
    warnings: circleWarnings(serviceModels),
    hash: stableHash(portable(root, declared)),
  });
}

async function importBlueprint(file: string): Promise<PlatformDefinition> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory() === true) {
    const inside = join(file, 'platform.ts');
    const hint = (await exists(inside)) ? `; did you mean ${inside}?` : '';
    throw fail('PLATFORM_NOT_FOUND', `${file} is a folder, not a blueprint${hint}`);
  }
  if (found === undefined) {
    throw fail('PLATFORM_NOT_FOUND', `There is no blueprint at ${file}. Give the path of a platform.ts.`);
  }
  let namespace: object;
  try {
    // `as`: a module namespace is always an object.
    namespace = (await import(pathToFileURL(file).href)) as object;
  } catch (error) {
    throw fail('PLATFORM_UNLOADABLE', `${file} can't be imported: ${firstLine(error)}`, { cause: error });
  }
  const value: unknown = 'default' in namespace ? namespace.default : undefined;
  if (!isBlueprint(value)) {
    throw fail(
      'PLATFORM_UNLOADABLE',
      `${file} has no blueprint: write \`export default definePlatform({ … })\` there.`,
    );
  }
  return value.definition;
}

async function importServices(
  root: string,
  parsed: ParsedBlueprint,
  problems: ProblemList,
): Promise<Map<string, ImportedService>> {
  const services = new Map<string, ImportedService>();
  for (const [name, path] of sortedEntries(parsed.services)) {
    const place = ['services', name];
    const module = resolve(root, path);
    const imported = await importDefault(root, module, place, problems);
    if (imported.kind === 'failed') continue;
    const value = imported.value;
    if (!isServiceDefinition(value)) {
      problems.add(
        place,
        `${path} has another default export than a service: write \`export default defineService({ … })\` there`,
      );
    } else if (value.contract.name !== name) {
      problems.add(
        place,
        `${path} defines the service ${JSON.stringify(value.contract.name)}; the key and the contract's name must be the same`,
      );
    } else {
      services.set(name, { module, definition: value });
    }
  }
  return services;
}

async function importExternals(
  root: string,
  parsed: ParsedBlueprint,
  problems: ProblemList,
): Promise<Map<string, ExternalModel>> {
  const externals = new Map<string, ExternalModel>();
  for (const [name, external] of sortedEntries(parsed.externals)) {
    const place = ['externals', name, 'contract'];
    const run = external.run === undefined ? undefined : resolve(root, external.run);
    if (run !== undefined) await checkFile(root, run, ['externals', name, 'run'], problems);
    const contractModule = resolve(root, external.contract);
    const imported = await importDefault(root, contractModule, place, problems);
    if (imported.kind === 'failed') continue;
    const contract: unknown = imported.value;
    if (!isContract(contract)) {
      problems.add(
        place,
        `${external.contract} has another default export than a contract: write \`export default defineContract({ … })\` there`,
      );
    } else if (contract.name !== name) {
      problems.add(
        place,
        `${external.contract} is the contract of ${JSON.stringify(contract.name)}; the key and the contract's name must be the same`,
      );
    } else {
      const url = external.url?.replace(/\/+$/, '');
      externals.set(name, { name, contract, contractModule, run, url, env: { ...external.env } });
    }
  }
  return externals;
}

function routeModels(parsed: ParsedBlueprint): RouteModel[] {
  return parsed.gateway.routes
    .map((route) => ({
      path: route.path,
      service: route.service,
      methods: route.methods?.toSorted(),
      roles: route.roles?.toSorted(),
      timeoutMs: route.timeout ?? parsed.gateway.timeout,
      maxBodyBytes: route.maxBody ?? parsed.gateway.maxBody,
      filters: structuredClone([...parsed.gateway.filters, ...route.filters]),
    }))
    .toSorted(
      (a, b) =>
        b.path.length - a.path.length || compare(a.path, b.path) || compare(String(a.methods), String(b.methods)),
    );
}

/** What the hash is taken of: nothing of the machine, nothing that isn't declared. */
function portable(
  root: string,
  declared: Pick<PlatformModel, 'name' | 'services' | 'externals' | 'tenants' | 'policies' | 'routes'>,
): unknown {
  const identity = (contract: Contract): object => ({ name: contract.name, version: contract.version });
  const inside = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : relative(root, path).replaceAll('\\', '/');
  return {
    ...declared,
    services: declared.services.map(({ name, module, definition, uses, database }) => ({
      name,
      module: inside(module),
      contract: identity(definition.contract),
      uses,
      database,
    })),
    externals: declared.externals.map(({ contract, contractModule, run, ...rest }) => ({
      ...rest,
      contract: identity(contract),
      contractModule: inside(contractModule),
      run: inside(run),
    })),
  };
}

function sortedEntries<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).toSorted(([a], [b]) => compare(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
