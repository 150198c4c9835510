import type { Clock, Closeable, Random } from '@fairlead/core';
import type { Database } from '@fairlead/store';
import type { Telemetry } from '@fairlead/telemetry';
import type { Broker } from './broker.ts';

/** How `startRelay` copies. */
export interface RelayOptions {
  /** Name of the service whose log it is. */
  readonly source: string;
  /** The service's database. Not closed by the relay. */
  readonly database: Database;
  /** Where events go. Not closed by the relay. */
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** How often the log is read without a `poke`, in milliseconds. Default 250; at least 1. */
  readonly pollMs?: number;
  /** Events copied at once. Default 500; at least 1. */
  readonly batchSize?: number;
}

/** A running relay. */
export interface Relay extends Closeable {
  readonly source: string;
  /** Says that the log may have something new: call it from `tx.afterCommit`. Never throws, never waits. */
  poke(): void;
}

/** Copies a service's log to the broker, in order, each event at least once and stored once. */
export function startRelay(options: RelayOptions): Relay {
  throw new Error(`not yet: ${options.source}`);
}
