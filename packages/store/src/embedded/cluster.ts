import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lchownSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fail } from '../errors.ts';
import { initAccount, type Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { endOf, RAISE_FILE_SIZE_LIMIT } from './file-size-limit.ts';
import { newPassword, uniqueSuffix } from './secret.ts';

/** Name of the superuser. */
export const SUPERUSER = 'postgres';

const INITDB_OPTIONS = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--locale=C.UTF-8',
  '--no-instructions',
  '--no-sync',
];

/** In a cluster that was just copied: the template's password, until the cluster has its own. */
export const INITIAL_PASSWORD_FILE = 'fairlead.initial-password';

/**
 * Makes the cluster's directory by copying the cached template, unless there is one. It appears complete or not at all.
 * @throws POSTGRES_START_FAILED when initdb or the copy fails, or the cluster is of another major version
 */
export async function ensureCluster(
  clusterDir: string,
  options: { readonly binaries: Binaries; readonly cacheDir: string; readonly account: Account | undefined },
): Promise<void> {
  if (existsSync(join(clusterDir, 'PG_VERSION'))) {
    checkVersion(clusterDir, options.binaries.major);
    return;
  }
  const template = await ensureTemplate(options.binaries, options.cacheDir);
  const fresh = `${clusterDir}.${uniqueSuffix()}`;
  try {
    await copyTree(join(template, 'data'), fresh);
    await copyTree(join(template, 'password'), join(fresh, INITIAL_PASSWORD_FILE));
    if (options.account !== undefined) chownTree(fresh, options.account);
    chmodSync(fresh, 0o700);
    await rename(fresh, clusterDir);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

function checkVersion(clusterDir: string, major: number): void {
  const found = readFileSync(join(clusterDir, 'PG_VERSION'), 'utf8').trim();
  if (found === String(major)) return;
  throw fail(
    'POSTGRES_START_FAILED',
    `${clusterDir} was made by Postgres ${found}; these binaries are ${major} and can't read it. With the Fairlead release that made it, back up each service and the broker (fairlead db backup); move the directory away; start with this release, and restore them (fairlead db restore).`,
  );
}

/** The cached template of this version: `data/` and `password`. Concurrent callers may all make one; one wins. */
async function ensureTemplate(binaries: Binaries, cacheDir: string): Promise<string> {
  const template = join(cacheDir, `template-${binaries.version}`);
  if (existsSync(template)) return template;
  const fresh = `${template}.${uniqueSuffix()}`;
  const account = initAccount();
  mkdirSync(fresh, { mode: 0o700 });
  try {
    await writeFile(join(fresh, 'password'), newPassword(), { mode: 0o600 });
    if (account !== undefined) chownTree(fresh, account);
    await initialise(binaries, fresh, account);
    if (account !== undefined) chownTree(fresh, { uid: 0, gid: 0 });
    await rename(fresh, template).catch((error: unknown) => {
      if (!existsSync(template)) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return template;
}

async function initialise(binaries: Binaries, directory: string, account: Account | undefined): Promise<void> {
  const ended = await run(
    binaries.initdb,
    ['-D', join(directory, 'data'), '-U', SUPERUSER, '--pwfile', join(directory, 'password'), ...INITDB_OPTIONS],
    directory,
    account,
  );
  if (ended.code === 0) return;
  const hint = /File too large/.test(ended.output) ? `\n${RAISE_FILE_SIZE_LIMIT}.` : '';
  throw fail(
    'POSTGRES_START_FAILED',
    `initdb ended with ${endOf(ended)}. Its last words:\n${ended.output.slice(-2_000)}${hint}`,
  );
}

/** Copies with shared blocks where the file system can. */
async function copyTree(from: string, to: string): Promise<void> {
  const clone = await run(
    'cp',
    process.platform === 'darwin' ? ['-Rc', from, to] : ['-R', '--reflink=auto', from, to],
    dirname(to),
    undefined,
  );
  if (clone.code === 0) return;
  // Without clones (another volume, another cp): the plain way, over what was begun.
  const plain = await run('cp', ['-R', from, to], dirname(to), undefined);
  if (plain.code !== 0)
    throw fail(
      'POSTGRES_START_FAILED',
      `The template of the database can't be copied to ${to} (cp ended with ${endOf(plain)}). ${clone.output} ${plain.output}`.trim(),
    );
}

function chownTree(path: string, { uid, gid }: Account): void {
  lchownSync(path, uid, gid);
  if (!statSync(path).isDirectory()) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    lchownSync(join(entry.parentPath, entry.name), uid, gid);
}

/** Postgres takes the files that it finds for durable, so a fresh copy has to be before anything is promised on it. */
export async function syncCluster(directory: string): Promise<void> {
  const { code } = await run('sync', process.platform === 'linux' ? ['-f', directory] : [], directory, undefined);
  if (code === 0) return;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    await using file = await open(join(entry.parentPath, entry.name), 'r');
    await file.sync();
  }
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  account: Account | undefined,
): Promise<{ code: number | null; signal: string | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', (error) => resolve({ code: -1, signal: null, output: error.message }));
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}
