/** A JSON Schema (draft 2020-12, as OpenAPI 3.1 has it). */
export type Schema = Readonly<Record<string, unknown>>;

/** An operation of the admin API: what Fastify validates and what `GET /openapi.json` says are this one value. */
export interface AdminOperation {
  readonly operationId: string;
  readonly method: 'GET' | 'POST';
  /** Path with `{name}` parameters. */
  readonly path: string;
  readonly summary: string;
  /** Whether it needs the credential; the public keys and this description do not. */
  readonly credential: boolean;
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  /** Largest body, in bytes. Default 64 KiB. */
  readonly maxBodyBytes?: number;
  /** Schema of the 200 answer's body. */
  readonly answer: Schema;
  /** Statuses of the problem documents that it may answer with, and when. */
  readonly problems: Readonly<Record<number, string>>;
}

/** A string, and what it says. */
export const text = (description: string): Schema => ({ type: 'string', description });

/** An object; every member is required unless `required` lists them. */
export const object = (
  properties: Record<string, Schema>,
  required: readonly string[] = Object.keys(properties),
): Schema => ({ type: 'object', properties, required });

/** The same object, which refuses members that it does not list. */
export const closed = (schema: Schema): Schema => ({ ...schema, additionalProperties: false });

/** A list. */
export const listOf = (items: Schema): Schema => ({ type: 'array', items });

/** What every operation with a credential may answer. */
export const unauthenticated = { 401: 'The credential is missing or wrong.' };

/** Services that did not answer. */
export const unanswered = listOf(object({ service: text('Service.'), reason: text('Why there is no answer.') }));
