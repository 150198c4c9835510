import { readText } from './repository.ts';

/** A package of this repository, as its `package.json` tells it. */
export interface Workspace {
  readonly name: string;
  /** `packages/core`, relative to the root. */
  readonly folder: string;
  readonly isPrivate: boolean;
  /** Names that code for users may import: dependencies, optional ones and peers. */
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
  /** Keys of `exports`, such as `.` and `./testing`. */
  readonly entries: ReadonlySet<string>;
}

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly exports?: Record<string, unknown>;
}

/** Every package among `files` (relative paths, as `repositoryFiles` gives them), the root excepted. */
export function workspacesOf(root: string, files: readonly string[]): Workspace[] {
  return files
    .filter((path) => /^(packages|examples)\/[^/]+\/package\.json$/.test(path))
    .map((path) => workspaceOf(path.slice(0, -'/package.json'.length), parseManifest(readText(root, path))));
}

/** Packages that are installed by themselves, such as what the benches compare with: no workspaces, no part of `npm ci`. */
export function manifestsApart(root: string, files: readonly string[]): Workspace[] {
  return files
    .filter((path) => /^bench\/[^/]+\/package\.json$/.test(path))
    .map((path) => workspaceOf(path.slice(0, -'/package.json'.length), parseManifest(readText(root, path))));
}

/** The dependencies and development dependencies of the root's `package.json`. */
export function rootDependencies(root: string): Set<string> {
  const manifest = parseManifest(readText(root, 'package.json'));
  return new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.devDependencies ?? {})]);
}

function workspaceOf(folder: string, manifest: Manifest): Workspace {
  return {
    name: manifest.name ?? '',
    folder,
    isPrivate: manifest.private ?? false,
    dependencies: new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.optionalDependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
    ]),
    devDependencies: new Set(Object.keys(manifest.devDependencies ?? {})),
    entries: new Set(Object.keys(manifest.exports ?? {})),
  };
}

function parseManifest(text: string): Manifest {
  // The shape of package.json is npm's; every field is optional and read as such.
  return JSON.parse(text) as Manifest;
}
