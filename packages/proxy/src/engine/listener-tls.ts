import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FairleadError, stableHash, type Clock, type Random, type Timer } from '@fairlead/core';
import { certificates, type CertificatePair, type Certificates, type ServerTls } from '@fairlead/net';
import type { Logger, Metrics } from '@fairlead/telemetry';
import { acmeStorage, type AcmeStorage } from '../acme/acme-storage.ts';
import { listenerAcme } from '../acme/listener-acme.ts';
import type { AcmeSpec, ListenerTls } from '../snapshot/compiled-snapshot.ts';

/** TLS of a listener, kept up to date with its files and with what is issued for it. */
export interface FileTls extends ServerTls {
  /**
   * Reads the certificates of another snapshot; what it returns puts them to work. Connections that are open stay as they are.
   * @throws MISCONFIGURED when one can't be used; nothing has changed then
   */
  prepare(spec: ListenerTls): Promise<() => void>;
  /** Looks at the files no more, and orders nothing more; resolves when an order under way has been given up. */
  close(): Promise<void>;
}

/** What a listener's TLS needs. */
export interface FileTlsPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The listener's name. */
  readonly listener: string;
}

/** How often the files are looked at: by their text, since what mounts secrets swaps links. */
const LOOK_EVERY_MS = 10_000;
/** From when on before its end a certificate is warned of. */
const WARN_BEFORE_MS = 7 * 24 * 60 * 60 * 1_000;
/** How often it is told that handshakes are refused. */
const TELL_EVERY_MS = 60_000;

/** What certificates are read from. */
interface Sources {
  readonly spec: ListenerTls;
  readonly issued: AcmeStorage | undefined;
}

/**
 * Reads a listener's certificates and looks whether they have changed; new ones that can't be used leave the old ones, and say so.
 * Where an authority issues one, there may be none yet: handshakes are then refused, and told of.
 * @throws MISCONFIGURED when a file can't be read, or used
 */
export async function fileTls(spec: ListenerTls, ports: FileTlsPorts): Promise<FileTls> {
  const { clock, log, listener } = ports;
  let sources = sourcesOf(spec, ports);
  let seen = await pairsOf(sources, clock);
  const { clientAuthority, requiresClients, minVersion } = spec;
  const authority = clientAuthority === undefined ? undefined : await textOf(clientAuthority);
  const holding = { minVersion, clientAuthority: authority, mayBeNone: true, clock };
  const held: Certificates = await certificates({ ...holding, read: () => Promise.resolve(seen) });
  let isClosed = false;
  let timer: Timer | undefined;
  const plan = (): void => {
    if (!isClosed) timer = clock.setTimer(LOOK_EVERY_MS, () => void look().finally(plan));
  };

  async function look(): Promise<void> {
    const before = seen;
    try {
      const now = await pairsOf(sources, clock);
      if (JSON.stringify(now) === JSON.stringify(before)) return warn();
      seen = now;
      await held.reload();
      log.info(undefined, 'certificates were renewed', { listener, certificates: held.inspect() });
      tellEnds();
    } catch (error) {
      // Both files are not written at the same moment: the next look may find them fit together.
      seen = before;
      log.warn(undefined, 'new certificates are not used', { listener, error });
    }
  }

  const warnedOf = new Set<string>();
  function warn(): void {
    for (const { expiresAt, fingerprint, names } of held.inspect()) {
      if (expiresAt - clock.now() > WARN_BEFORE_MS || warnedOf.has(fingerprint)) continue;
      warnedOf.add(fingerprint);
      log.warn(undefined, 'a certificate ends soon', { listener, names, expiresAt: new Date(expiresAt).toISOString() });
    }
  }

  const ends = ports.metrics.gauge({
    name: 'fairlead_certificate_expiry_timestamp_seconds',
    help: 'When a certificate ends, in seconds since 1970.',
    labelNames: ['listener', 'certificate'],
  });
  let told: readonly string[] = [];
  function tellEnds(): void {
    const reports = held.inspect();
    for (const certificate of told) ends.remove({ listener, certificate });
    told = reports.map(({ names, fingerprint }) => names[0] ?? fingerprint);
    for (const [at, { expiresAt }] of reports.entries())
      ends.set({ listener, certificate: told[at] ?? '' }, expiresAt / 1_000);
  }

  let refusedAt = -Infinity;
  function tellRefused(name: string | undefined): void {
    if (clock.monotonic() - refusedAt < TELL_EVERY_MS) return;
    refusedAt = clock.monotonic();
    log.warn(undefined, 'handshakes are refused: no certificate has been issued yet', { listener, name });
  }

  function startAcme({ spec: { acme }, issued }: Sources): { close(): Promise<void> } | undefined {
    if (acme === undefined || issued === undefined) return undefined;
    return listenerAcme(acme, { ...ports, storage: issued, onIssued: () => void look() });
  }

  let acme = startAcme(sources);
  warn();
  tellEnds();
  plan();
  return {
    certificates: {
      ...held,
      contextFor(name) {
        const context = held.contextFor(name);
        if (context === undefined) tellRefused(name);
        return context;
      },
    },
    clients: clientAuthority === undefined ? 'none' : requiresClients ? 'required' : 'requested',
    async prepare(next) {
      const nextSources = sourcesOf(next, ports);
      const pairs = await pairsOf(nextSources, clock);
      // What can't be used is found out here.
      await certificates({ ...holding, read: () => Promise.resolve(pairs) });
      return () => {
        const isSameAcme = sameAcme(sources.spec.acme, next.acme);
        sources = nextSources;
        seen = pairs;
        void held.reload().then(tellEnds);
        if (isSameAcme) return;
        void acme?.close();
        acme = startAcme(sources);
      };
    },
    async close() {
      isClosed = true;
      timer?.cancel();
      for (const certificate of told) ends.remove({ listener, certificate });
      await acme?.close();
    },
  };
}

function sourcesOf(spec: ListenerTls, ports: FileTlsPorts): Sources {
  return { spec, issued: spec.acme && acmeStorage(spec.acme, ports) };
}

function sameAcme(one: AcmeSpec | undefined, other: AcmeSpec | undefined): boolean {
  return stableHash(one ?? null) === stableHash(other ?? null);
}

/** The certificates there are: those of files, and then the one that was issued. */
async function pairsOf({ spec, issued }: Sources, clock: Clock): Promise<readonly CertificatePair[]> {
  const files = spec.certificates.map(async ({ certificate, key, names }): Promise<CertificatePair> => ({
    cert: await textOf(certificate),
    key: await textOf(key),
    names,
    origin: certificate,
  }));
  const last = await issued?.issued();
  // One that has ended while nobody was there to renew it is as none: it must not keep the others from their work.
  const isGood = last !== undefined && endOf(last.cert) > clock.now();
  return [...(await Promise.all(files)), ...(isGood ? [{ ...last, origin: 'The certificate that was issued' }] : [])];
}

function endOf(cert: string): number {
  try {
    return Date.parse(new X509Certificate(cert).validTo);
  } catch {
    return 0;
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FairleadError('internal', 'MISCONFIGURED', `${file} can't be read: ${why}`, { cause: error });
  }
}
