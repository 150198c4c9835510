import type { CertificateReport } from '@fairlead/net';
import type { PolicySpec } from '@fairlead/policy';
import type { CompiledRoute, FilterSpec } from '../engine/compiled-route.ts';
import type { RouteTable } from '../match/decision.ts';
import type { MatchSpec } from '../match/match-spec.ts';
import type { ClusterSettings } from './cluster-form.ts';
import type { FilterKind } from './filter-kind.ts';
import type { CompiledEndpoints } from './compiled-endpoint.ts';

/** A route of a snapshot, with where it was written. */
export interface SnapshotRoute extends CompiledRoute {
  /** Its place among the routes as they were written, beginning with 0. */
  readonly order: number;
  /**
   * So many of `filters`, the first ones, are those for all routes. They may run before it is known which route it is: when
   * a match is on claims.
   */
  readonly sharedFilters: number;
  /** Name of the shared policy that `policy` came from; `undefined` when it is the route's own, or none. */
  readonly policyName: string | undefined;
  /** Which requests it is for, as they were written; one of them must fit. */
  readonly matches: readonly MatchSpec[];
  /** Empty: any host. */
  readonly hosts: readonly string[];
  /** Names of the listeners that serve it. */
  readonly listeners: readonly string[];
  readonly isExclusive: boolean;
  /** Routes of a higher one are asked first. Default 0. */
  readonly priority?: number;
}

/** Where a listener waits: at a TCP port, or at a Unix socket. */
export type ListenerAddress =
  | { readonly host: string; readonly port: number }
  | {
      readonly path: string;
      /** Who may connect, as `chmod` has it. Default: what the umask leaves. */
      readonly mode?: number | undefined;
    };

/** What a listener takes of one client; a member that is left out is up to the server. */
export interface ListenerLimits {
  readonly maxConnections?: number;
  readonly maxHeadBytes?: number;
  readonly maxTargetBytes?: number;
  readonly maxFields?: number;
  readonly headTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
  readonly readerTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

/** A certificate and its key, as files in PEM. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Of its names, those that it answers to; `undefined` for all. */
  readonly names: readonly string[] | undefined;
  /** Where it is written within its listener's `tls`. */
  readonly at: readonly (string | number)[];
  /** What its file held when the snapshot was loaded; `undefined` when nobody has looked. */
  readonly found?: CertificateReport;
}

/** A certificate that an authority issues by ACME (RFC 8555). */
export interface AcmeSpec {
  /** URL of the authority's directory. */
  readonly directory: string;
  /** Addresses of e-mail. */
  readonly contact: readonly string[];
  /** What the certificate is for; at least one. */
  readonly names: readonly string[];
  /** Folder of the account's key, the certificate and its key. */
  readonly storage: string;
  /** Binds the account to one that is there already; `key` is a file. */
  readonly eab: { readonly keyId: string; readonly key: string } | undefined;
  /** A file in PEM: who signs the directory's own certificate; `undefined` for those that the system trusts. */
  readonly authority: string | undefined;
}

/** How a listener speaks TLS. */
export interface ListenerTls {
  /** The first one answers to names that none of them has. */
  readonly certificates: readonly CertificateFiles[];
  /** Comes after `certificates`. */
  readonly acme: AcmeSpec | undefined;
  /** Certificates that a client's must be signed by, as a file in PEM; `undefined` asks clients for none. */
  readonly clientAuthority: string | undefined;
  /** Whether a client without such a certificate is cut. */
  readonly requiresClients: boolean;
  readonly minVersion: '1.2' | '1.3';
}

/** A listener, as the engine opens it. */
export interface CompiledListener {
  readonly name: string;
  readonly address: ListenerAddress;
  readonly tls: ListenerTls | undefined;
  readonly hasHttp2: boolean;
  /** Whether each connection begins with a PROXY protocol header (version 1 or 2). */
  readonly hasProxyProtocol: boolean;
  /** Whether accepted sockets are read by Node's private handles. */
  readonly hasPrivateHandles: boolean;
  /** Addresses and CIDR blocks whose `X-Forwarded-For` and `Forwarded` are believed. */
  readonly trustedProxies: readonly string[];
  readonly limits: ListenerLimits;
  /** The routes that it serves. Listeners that serve the same ones share it. */
  readonly table: RouteTable<SnapshotRoute>;
}

/** A cluster, as the engine opens it. */
export interface CompiledCluster {
  readonly name: string;
  readonly endpoints: CompiledEndpoints;
  /** For `openCluster` of packages/net: what was written, in its units. */
  readonly options: ClusterSettings;
  /** How its requests behave under stress, where their route says nothing; `undefined` is by no policy. */
  readonly policy: PolicySpec | undefined;
  /** Name of the shared policy that `policy` came from. */
  readonly policyName: string | undefined;
}

/** Something that an imported configuration does otherwise here than where it came from. */
export interface ImportNote {
  /** In which file, when it is not the one that was imported but one that it takes in. */
  readonly file?: string;
  /** From 1. */
  readonly line: number;
  /** What it is about, in the words of the other gateway: `plugin rate-limiting of service users`. */
  readonly what: string;
  /** What is otherwise, in a sentence. */
  readonly note: string;
}

/** What became of a configuration of another gateway. */
export interface ImportReport {
  /** The gateway that it was written for, as people call it. */
  readonly of: string;
  readonly notes: readonly ImportNote[];
}

/** A configuration of the proxy, checked and with nothing left open; never changed, only replaced as a whole. */
export interface CompiledSnapshot {
  /** SHA-256 (hex) of what was written, whatever the order of its keys. The same hash means the same behaviour. */
  readonly hash: string;
  /** Where it came from: a file's path, or what code called it. */
  readonly origin: string;
  /** When, in milliseconds since 1970. */
  readonly loadedAtMs: number;
  readonly listeners: readonly CompiledListener[];
  /** In the order in which they were written. */
  readonly routes: readonly SnapshotRoute[];
  readonly clusters: readonly CompiledCluster[];
  /** The filters for all routes, which each route's `filters` begin with. */
  readonly sharedFilters: readonly FilterSpec[];
  readonly policies: Readonly<Record<string, PolicySpec>>;
  /** What makes and explains its filters. */
  readonly kinds: readonly FilterKind[];
  /** Which gateway's configuration it was, and what of it is otherwise here. Default: it is one of ours. */
  readonly imported?: ImportReport;
  /** What was written, for people. Default: nothing was; code has made it. */
  readonly written?: unknown;
}
