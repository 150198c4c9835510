import type { z } from 'zod';
import { assertOptions } from './known-options.ts';

/** An event type as it is written, before a contract gives it a name. */
export interface EventDefinition<Data extends z.ZodObject = z.ZodObject> {
  readonly data: Data;
  readonly key: string;
  readonly version: number;
  readonly summary: string | undefined;
}

/** An event type of a contract. */
export interface EventType<Data extends z.ZodObject = z.ZodObject> extends EventDefinition<Data> {
  /** CloudEvents `type`, such as `order.placed`. */
  readonly name: string;
  /** The contract's name, such as `orders`. */
  readonly contract: string;
}

/** Event types by name, as they are written. */
export type EventDefinitions = Readonly<Record<string, EventDefinition>>;

/** Event types by name. */
export type EventTypes = Readonly<Record<string, EventType>>;

/** Names of the members of `T` that always hold a string. */
type StringMember<T> = { [K in keyof T & string]-?: T[K] extends string ? K : never }[keyof T & string];

/** What `event` takes. */
export interface EventOptions<Data extends z.ZodObject> {
  /** What happened, as facts. Readers meet newer members and enum values: see `ReceivedData`. */
  readonly data: Data;
  /** The member of `data` that orders events: those with the same value are delivered in order. */
  readonly key: StringMember<z.output<Data>>;
  /** Version of the schema, whole, from 1. Default 1. */
  readonly version?: number;
  /** One line for people. */
  readonly summary?: string;
}

/**
 * An event type for `defineContract`, which checks it, having a name to complain about.
 * @throws INVALID_CONTRACT for an option that there is not
 */
export function event<Data extends z.ZodObject>(options: EventOptions<Data>): EventDefinition<Data> {
  assertOptions(options, ['data', 'key', 'version', 'summary'], `event with key ${options.key}`);
  return { data: options.data, key: options.key, version: options.version ?? 1, summary: options.summary };
}
