import type { z } from 'zod';
import type { Contract } from './contract.ts';
import type { OperationDefinition } from './operation.ts';

/** What a handler is given: checked, with defaults filled in. */
export type Input<Op extends OperationDefinition> = z.output<Op['input']>;

/** What a caller gives: members with a default may be left out. */
export type CallInput<Op extends OperationDefinition> = z.input<Op['input']>;

/** What a handler answers: members with a default may be left out. */
export type Output<Op extends OperationDefinition> = z.input<Op['output']>;

/** What a caller gets: as `Output`, but an enum may hold a value that this caller has not heard of. */
export type Received<Op extends OperationDefinition> = Widened<Op['output']>;

/** The codes that an operation declares. */
export type ErrorCode<Op extends OperationDefinition> = keyof Op['errors'] & string;

/** The names of a contract's operations. */
export type OperationName<C extends Contract> = keyof C['operations'] & string;

/** The names of a contract's event types. */
export type EventName<C extends Contract> = keyof C['events'] & string;

/** What a producer publishes. */
export type EventData<C extends Contract, Type extends EventName<C>> = z.input<C['events'][Type]['data']>;

/** What a consumer gets: as `EventData`, with defaults filled in, but an enum may hold a value it has not heard of. */
export type ReceivedData<C extends Contract, Type extends EventName<C>> = Widened<C['events'][Type]['data']>;

/** A value that an enum may get later. Listed values are still offered by editors and still narrow. */
type Unlisted<Value> = Value extends string ? string & {} : Value extends number ? number & {} : never;

/** Whether reading may leave the member out. */
type MayLack<S> = S extends { _zod: { optout: 'optional' } } ? true : false;

type Flat<T> = { [K in keyof T]: T[K] } & {};

/** Members of an object; those named `Closed` keep their exact type, so that a union can be told apart by them. */
type WidenedMembers<Shape, Closed extends string> = Flat<
  {
    -readonly [K in keyof Shape as MayLack<Shape[K]> extends true ? never : K]: K extends Closed
      ? z.output<Shape[K]>
      : Widened<Shape[K]>;
  } & {
    -readonly [K in keyof Shape as MayLack<Shape[K]> extends true ? K : never]?: K extends Closed
      ? z.output<Shape[K]>
      : Widened<Shape[K]>;
  }
>;

/** The members that a catchall allows besides the listed ones; without one, `Record<never, never>`. */
type Rest<Config> =
  Config extends z.core.$catchall<infer Value>
    ? z.core.SomeType extends Value
      ? {}
      : { [name: string]: Widened<Value> }
    : {};

type WidenedObject<Shape, Config, Closed extends string> = [keyof Shape, keyof Rest<Config>] extends [never, never]
  ? Record<string, never>
  : Flat<WidenedMembers<Shape, Closed> & Rest<Config>>;

type WidenedVariant<S, Closed extends string> =
  S extends z.ZodObject<infer Shape, infer Config> ? WidenedObject<Shape, Config, Closed> : Widened<S>;

type WidenedItems<Items> = { [K in keyof Items]: Widened<Items[K]> };

/** Names listed by an enum are all there, and more may be. */
type WidenedRecord<Key, Value> = Key extends z.core.$partial
  ? Partial<Record<z.output<Key> & string, Widened<Value>>>
  : Record<z.output<Key> & string, Widened<Value>>;

/** The output of a schema as a tolerant reader meets it: `z.enum` holds further values, at any depth. */
export type Widened<S> = S extends z.ZodEnum
  ? z.output<S> | Unlisted<z.output<S>>
  : S extends z.ZodOptional<infer Inner>
    ? Widened<Inner> | undefined
    : S extends z.ZodNullable<infer Inner>
      ? Widened<Inner> | null
      : S extends z.ZodDefault<infer Inner> | z.ZodPrefault<infer Inner> | z.ZodNonOptional<infer Inner>
        ? Exclude<Widened<Inner>, undefined>
        : S extends z.ZodReadonly<infer Inner>
          ? Readonly<Widened<Inner>>
          : S extends z.ZodArray<infer Element>
            ? Widened<Element>[]
            : S extends z.ZodDiscriminatedUnion<infer Options, infer Discriminator>
              ? WidenedVariant<Options[number], Discriminator>
              : S extends z.ZodRecord<infer Key, infer Value>
                ? WidenedRecord<Key, Value>
                : S extends z.ZodUnion<infer Options>
                  ? Widened<Options[number]>
                  : S extends z.ZodObject<infer Shape, infer Config>
                    ? WidenedObject<Shape, Config, never>
                    : S extends z.ZodTuple<infer Items, null>
                      ? WidenedItems<Items>
                      : z.output<S>;
