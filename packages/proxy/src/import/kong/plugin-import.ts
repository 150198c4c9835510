import type { z } from 'zod';
import type { Place } from '../../snapshot/snapshot-problem.ts';
import type { WrittenSnapshot } from '../imported.ts';
import type { Entities, Service } from './entities.ts';
import type { KongReport } from './kong-report.ts';

/** A filter, as people write it. */
export type WrittenFilter = NonNullable<WrittenSnapshot['filters']>[number];

/** What a plugin becomes. */
export interface PluginResult {
  readonly filters: readonly WrittenFilter[];
  /** Largest body of requests, which is the route's own affair here, unless consumers have others. Default: any. */
  readonly maxBodyBytes?: number;
}

/** Where a plugin stands, and what it needs to know of the rest. */
export interface PluginContext {
  /** Of its `config`. */
  readonly place: Place;
  /** The plugin in words: `plugin cors of route users`. */
  readonly what: string;
  /** Tells its counts from those of others: the same wherever they count together. */
  readonly scope: string;
  /** Of the route that it works at. */
  readonly service: Service | undefined;
  readonly entities: Entities;
  readonly consumers: ConsumerBook;
  /** Whether passwords are written as they are, not hashed by Kong. */
  readonly hasPlainPasswords: boolean;
  readonly report: KongReport;
}

/** What filters are told of consumers, made once for all of them. */
export interface ConsumerBook {
  /** With the hashes of their keys. */
  withKeys(): readonly object[];
  /** With what verifies their tokens. */
  withSecrets(isBase64: boolean): readonly object[];
  /** As users, with the hashes of their passwords. */
  withPasswords(): readonly object[];
  /** By username, custom id or id: who requests are that prove nothing; `undefined` when there is none of that name. */
  anonymous(name: string): object | undefined;
}

/** A kind of plugin, and how it becomes filters. */
export interface PluginImport<Config = unknown> {
  readonly name: string;
  /** Higher ones run first; Kong's number. */
  readonly priority: number;
  /** Whether it proves who asks, so that what is for consumers comes after it. Default no. */
  readonly identifies?: boolean;
  /** Whether it may be for some consumers only. Default yes. */
  readonly takesConsumers?: boolean;
  readonly form: z.ZodType<Config>;
  /** Whether what it becomes hangs on the service that it works at. Default no: it is made once. */
  hangsOnService?(config: Config): boolean;
  become(config: Config, context: PluginContext): PluginResult;
}

/** Keeps the types of a kind together. */
export function pluginImport<Config>(kind: PluginImport<Config>): PluginImport {
  // `as`: what `form` has read is what `become` takes.
  return kind as PluginImport;
}
