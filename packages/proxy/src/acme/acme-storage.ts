import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidV7, type Clock, type Random } from '@fairlead/core';
import type { AcmeSpec } from '../snapshot/compiled-snapshot.ts';
import type { IssuedCertificate } from './order-certificate.ts';

/** Why nothing is ordered before a time. */
export interface OrderPause {
  /** Milliseconds since 1970. */
  readonly untilMs: number;
  /** Orders in a row that have failed. */
  readonly failures: number;
}

/**
 * What is kept of ACME, in a folder that several processes may share, also of several machines:
 *
 *     {authority}/account.pem          key of the account there
 *     {authority}/{name}-{names}.pem   a certificate, its chain and its key, in one file: they change together
 *     {authority}/{name}-{names}.json  until when nothing is ordered, and why; .lock, who orders now
 *     challenges/{token}               what a proof is answered with
 *
 * All of it only its owner may read; each file is written beside its place and then put there.
 */
export interface AcmeStorage {
  /** Key of the account, in PEM; makes one at the first time. */
  accountKey(): Promise<string>;
  /** What was issued last for these names. */
  issued(): Promise<IssuedCertificate | undefined>;
  keep(certificate: IssuedCertificate): Promise<void>;
  pause(): Promise<OrderPause | undefined>;
  /** `undefined` ends it. */
  setPause(pause: OrderPause | undefined): Promise<void>;
  /** Makes the challenge's token known to all processes, until what it returns is called. */
  publish(token: string, text: string): Promise<() => Promise<void>>;
  /**
   * The right to order, for `forMs`; taken again by its holder it lasts longer. `undefined` when another one has it: who dies
   * with it is waited for until its time is over.
   */
  lock(forMs: number): Promise<OrderLock | undefined>;
}

/** The right to order. */
export interface OrderLock {
  /** Whether it is still ours, for another `forMs`. */
  extend(forMs: number): Promise<boolean>;
  release(): Promise<void>;
}

const TOKEN = /^[\w-]{16,256}$/;
const CHALLENGES = 'challenges';

/** Opens the folder of a certificate. */
export function acmeStorage(
  spec: Pick<AcmeSpec, 'storage' | 'directory' | 'names'>,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): AcmeStorage {
  const { storage, directory, names } = spec;
  const authority = join(storage, `${new URL(directory).hostname}-${digest(directory)}`);
  const base = join(authority, `${names[0]}-${digest(names.toSorted().join(' '))}`);
  const challenges = join(storage, CHALLENGES);

  const newId = (): string => uuidV7({ clock, random });

  /**
   * Writes a file beside its place, whole and on the disk, and puts it there: over what is there already, or only where nothing
   * is. Whether it is there now.
   */
  async function put(folder: string, file: string, content: string, way: 'first' | 'last'): Promise<boolean> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const beside = `${file}.${newId()}.new`;
    try {
      await using handle = await open(beside, 'wx', 0o600);
      await handle.writeFile(content);
      await handle.sync();
      if (way === 'last') await rename(beside, file);
      else await link(beside, file);
      return true;
    } catch (error) {
      if (way === 'first' && codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(beside, { force: true });
    }
  }

  async function holder(): Promise<{ readonly id: string; readonly untilMs: number } | undefined> {
    const text = await contentOf(`${base}.lock`);
    return text === undefined ? undefined : readLock(text);
  }

  return {
    async accountKey() {
      const file = join(authority, 'account.pem');
      const kept = await contentOf(file);
      if (kept !== undefined) return kept;
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      await put(authority, file, key, 'first');
      // Another process may have been faster.
      return (await contentOf(file)) ?? key;
    },
    async issued() {
      const text = (await contentOf(`${base}.pem`)) ?? '';
      const at = text.indexOf('-----BEGIN PRIVATE KEY-----');
      return at <= 0 ? undefined : { cert: text.slice(0, at), key: text.slice(at) };
    },
    async keep({ cert, key }) {
      await put(authority, `${base}.pem`, `${cert.trimEnd()}\n${key}`, 'last');
    },
    async pause() {
      const text = await contentOf(`${base}.json`);
      return text === undefined ? undefined : readPause(text);
    },
    async setPause(pause) {
      if (pause === undefined) await rm(`${base}.json`, { force: true });
      else await put(authority, `${base}.json`, JSON.stringify(pause), 'last');
    },
    async publish(token, text) {
      // What an authority says becomes the name of a file.
      if (!TOKEN.test(token)) throw new Error(`The authority's token ${JSON.stringify(token)} is none.`);
      const file = join(challenges, token);
      await put(challenges, file, text, 'last');
      return () => rm(file, { force: true });
    },
    async lock(forMs) {
      const id = newId();
      const take = (way: 'first' | 'last') =>
        put(authority, `${base}.lock`, JSON.stringify({ id, untilMs: clock.now() + forMs }), way);
      const isOurs = async (): Promise<boolean> => (await holder())?.id === id;
      if (!(await take('first'))) {
        const other = await holder();
        if (other !== undefined && other.untilMs > clock.now()) return undefined;
        await take('last');
      }
      if (!(await isOurs())) return undefined;
      return {
        async extend(moreMs) {
          if (!(await isOurs())) return false;
          await put(authority, `${base}.lock`, JSON.stringify({ id, untilMs: clock.now() + moreMs }), 'last');
          return true;
        },
        async release() {
          if (await isOurs()) await rm(`${base}.lock`, { force: true });
        },
      };
    },
  };
}

/** The answer to a challenge, of whichever process has asked for it; read at once, since a request waits. */
export function publishedChallenge(storage: string, token: string): string | undefined {
  if (!TOKEN.test(token)) return undefined;
  try {
    return readFileSync(join(storage, CHALLENGES, token), 'utf8');
  } catch {
    return undefined;
  }
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function readLock(text: string): { readonly id: string; readonly untilMs: number } | undefined {
  const { id, untilMs } = readObject(text);
  return typeof id === 'string' && typeof untilMs === 'number' ? { id, untilMs } : undefined;
}

function readPause(text: string): OrderPause | undefined {
  const { untilMs, failures } = readObject(text);
  return typeof untilMs === 'number' && typeof failures === 'number' ? { untilMs, failures } : undefined;
}

function readObject(text: string): Readonly<Record<string, unknown>> {
  try {
    // `as`: members are looked at before they are used.
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
