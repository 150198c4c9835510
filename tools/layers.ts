// The wall between packages: each imports only from those above it in LAYERS, and only what its package.json declares.

import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import type { Finding } from './finding.ts';
import { readText } from './repository.ts';
import { importsOf } from './source-text.ts';
import { manifestsApart, rootDependencies, workspacesOf, type Workspace } from './workspaces.ts';

/** The house, from the ground up. A package may import those before it. */
export const LAYERS: readonly string[] = [
  'core',
  'policy',
  'telemetry',
  'contract',
  'net',
  'store',
  'messaging',
  'events',
  'service',
  'proxy',
  'platform',
  'control',
  'kube',
  'companions',
  'testing',
  'dashboard',
  'cli',
];

const BUILTIN = new Set(builtinModules);

/** Real servers, which belong to no package: tests of each may start them. */
const SERVERS = 'tools/servers/';

/**
 * Everything in `files` that reaches across the wall: an import from a lower or undeclared package, past a package's
 * `exports`, or out of its own folder by a relative path.
 */
export function checkLayers(root: string, files: readonly string[]): Finding[] {
  const workspaces = workspacesOf(root, files);
  const house = { workspaces: new Map(workspaces.map((each) => [each.name, each])), rootNames: rootDependencies(root) };
  const apart = manifestsApart(root, files);
  const findings = workspaces.flatMap((each) => checkManifest(each, house.workspaces));
  for (const path of files) {
    if (!/\.(ts|tsx|js|mjs)$/.test(path)) continue;
    // What `fairlead init` writes imports what its own package.json, not ours, declares.
    if (path.startsWith('packages/cli/templates/')) continue;
    const home = workspaces.find((each) => path.startsWith(`${each.folder}/`));
    for (const { specifier, line } of importsOf(readText(root, path))) {
      const own = apart.find((each) => path.startsWith(`${each.folder}/`));
      const around = own === undefined ? house : { ...house, rootNames: own.dependencies };
      const message =
        home === undefined ? objectionOutside(path, specifier, around) : objection(home, path, specifier, house);
      if (message !== undefined) findings.push({ file: path, line, message });
    }
  }
  return findings;
}

interface House {
  readonly workspaces: ReadonlyMap<string, Workspace>;
  readonly rootNames: ReadonlySet<string>;
}

function checkManifest(workspace: Workspace, workspaces: ReadonlyMap<string, Workspace>): Finding[] {
  const file = `${workspace.folder}/package.json`;
  const found = (message: string): Finding => ({ file, line: 0, message });
  if (workspace.folder.startsWith('examples/')) return [];
  const short = shortName(workspace.name);
  const rank = LAYERS.indexOf(short);
  if (rank < 0) return [found(`"${workspace.name}" has no place in the house; add it to LAYERS in tools/layers.ts`)];
  const findings = [...workspace.dependencies]
    .filter((name) => workspaces.has(name) && LAYERS.indexOf(shortName(name)) >= rank)
    .map((name) => found(`depends on ${name}, which is not above ${short} in the house`));
  if (short === 'core' && workspace.dependencies.size > 0) findings.push(found('core has no dependencies'));
  return findings;
}

function objection(home: Workspace, path: string, specifier: string, house: House): string | undefined {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    return target.startsWith(`${home.folder}/`) || (isTest(path) && target.startsWith(SERVERS))
      ? undefined
      : `"${specifier}" leaves ${home.folder}; import the package by name`;
  }
  if (isBuiltin(specifier)) return builtinObjection(specifier);
  const { name, entry } = split(specifier);
  const neighbour = house.workspaces.get(name);
  if (neighbour !== undefined) {
    if (!neighbour.entries.has(entry)) return `"${specifier}" is not among the exports of ${name}`;
    if (name === home.name) return undefined;
    if (
      LAYERS.includes(shortName(home.name)) &&
      LAYERS.indexOf(shortName(name)) >= LAYERS.indexOf(shortName(home.name))
    ) {
      return `${home.name} may not import ${name}: it is not above ${shortName(home.name)} in the house`;
    }
  }
  if (home.dependencies.has(name)) return undefined;
  if (isTest(path) && (home.devDependencies.has(name) || house.rootNames.has(name))) return undefined;
  return `"${name}" is imported but not declared in ${home.folder}/package.json`;
}

function objectionOutside(path: string, specifier: string, house: House): string | undefined {
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    return target.startsWith('packages/') ? `"${specifier}" reaches into a package; import it by name` : undefined;
  }
  if (isBuiltin(specifier)) return builtinObjection(specifier);
  const { name, entry } = split(specifier);
  const neighbour = house.workspaces.get(name);
  if (neighbour !== undefined) {
    return neighbour.entries.has(entry) ? undefined : `"${specifier}" is not among the exports of ${name}`;
  }
  return house.rootNames.has(name) || reachable(name, house)
    ? undefined
    : `"${name}" is imported but no package.json of this repository declares it`;
}

/** Tests and benches may use what any package of the repository depends on: the lockfile pins it. */
function reachable(name: string, house: House): boolean {
  return [...house.workspaces.values()].some((each) => each.dependencies.has(name));
}

function builtinObjection(specifier: string): string | undefined {
  return specifier.startsWith('node:') ? undefined : `write "node:${specifier}": a built-in module is named as one`;
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || BUILTIN.has(specifier);
}

function isTest(path: string): boolean {
  return /\.(?:test|fixture)\.ts$/.test(path) || path.includes('/fixtures/');
}

function shortName(name: string): string {
  return name.replace('@fairlead/', '');
}

function split(specifier: string): { name: string; entry: string } {
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  const rest = parts.slice(length).join('/');
  return { name: parts.slice(0, length).join('/'), entry: rest === '' ? '.' : `./${rest}` };
}
