import type { ErrorTable } from '@fairlead/core';
import { z } from 'zod';
import { assertOptions } from './known-options.ts';

/** The HTTP methods that an operation may have. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What an operation's input looks like: one flat object, wherever its members travel. */
export type InputSchema = z.ZodObject;

/** An operation as it is written, before a contract gives it a name. */
export interface OperationDefinition<
  In extends InputSchema = InputSchema,
  Out extends z.ZodType = z.ZodType,
  Errors extends ErrorTable = ErrorTable,
> {
  readonly method: Method;
  readonly path: string;
  readonly summary: string | undefined;
  readonly input: In;
  readonly output: Out;
  readonly status: number;
  readonly errors: Errors;
  readonly idempotencyKey: 'required' | 'optional' | undefined;
  readonly roles: readonly string[];
  readonly visibility: 'public' | 'internal';
}

/** An operation of a contract. */
export interface Operation<
  In extends InputSchema = InputSchema,
  Out extends z.ZodType = z.ZodType,
  Errors extends ErrorTable = ErrorTable,
> extends OperationDefinition<In, Out, Errors> {
  /** Its name in the contract, such as `placeOrder`. */
  readonly name: string;
  /** The contract's name, such as `orders`. */
  readonly contract: string;
}

/** Operations by name, as they are written. */
export type OperationDefinitions = Readonly<Record<string, OperationDefinition>>;

/** Operations by name. */
export type Operations = Readonly<Record<string, Operation>>;

/** What `operation` takes. */
export interface OperationOptions<In extends InputSchema, Out extends z.ZodType, Errors extends ErrorTable> {
  /** GET and DELETE carry their input in path and query, the others in path and JSON body. */
  readonly method: Method;
  /** From the service's root, such as `/orders/{id}`. Names in braces are members of `input`. */
  readonly path: string;
  /** One line for people; becomes the OpenAPI summary. */
  readonly summary?: string;
  /**
   * What a caller gives, as one flat object. Members may have defaults. Default: nothing.
   * Unknown members, at any depth, are refused by the server.
   */
  readonly input?: In;
  /**
   * What is answered. `z.enum` may get further values later and is read as such (see `Received`); `z.literal` and the
   * discriminator of a union are closed for good.
   */
  readonly output: Out;
  /** Status of success: 200–299, without 204 and 205, since every operation answers JSON. Default 200. */
  readonly status?: number;
  /** Codes that a handler may throw besides the platform's own, each with its kind. Default: none. */
  readonly errors?: Errors;
  /**
   * Whether a caller may, or must, send an `Idempotency-Key`, under which a repeat gets the first answer.
   * Default: none is looked at.
   */
  readonly idempotencyKey?: 'required' | 'optional';
  /** The caller needs one of these. Default: no role is asked for. */
  readonly roles?: readonly string[];
  /** `public` operations may be routed to by the gateway, `internal` ones only be called by services. Default `internal`. */
  readonly visibility?: 'public' | 'internal';
}

const OPTIONS = [
  'method',
  'path',
  'summary',
  'input',
  'output',
  'status',
  'errors',
  'idempotencyKey',
  'roles',
  'visibility',
];

/**
 * An operation for `defineContract`, which checks it, having a name to complain about.
 * @throws INVALID_CONTRACT for an option that there is not
 */
export function operation<
  Out extends z.ZodType,
  In extends InputSchema = z.ZodObject<{}, z.core.$strip>,
  const Errors extends ErrorTable = {},
>(
  options: OperationOptions<In, Out, Errors>,
  // NoInfer: a contract around it asks for any OperationDefinition, which must not become what is left out here.
): OperationDefinition<NoInfer<In>, Out, NoInfer<Errors>> {
  const { method, path, summary, output, status = 200, idempotencyKey, roles = [], visibility = 'internal' } = options;
  assertOptions(options, OPTIONS, `operation ${method} ${path}`);
  return {
    method,
    path,
    summary,
    // Left out, `In` and `Errors` are their defaults, which these values have.
    input: options.input ?? (z.object({}) as unknown as In),
    output,
    status,
    errors: Object.freeze({ ...(options.errors ?? ({} as Errors)) }),
    idempotencyKey,
    roles: Object.freeze([...roles]),
    visibility,
  };
}
