import { decodeOutput, encodeCall, type CallInput } from '@fairlead/contract';
import { createContext, errorFromProblem, type Clock, type Closeable, type Random } from '@fairlead/core';
import { clientPool, type Endpoint } from '@fairlead/net';
import type { z } from 'zod';
import { adminContract } from './admin-contract.ts';

type Operations = (typeof adminContract)['operations'];
/** As this version knows it; a later server may have further words where one of some is meant. */
type AnswerTo<Name extends keyof Operations> = z.output<Operations[Name]['output']>;

/** How a gateway's admin server is reached. */
export interface AdminClientOptions {
  readonly endpoint: Endpoint;
  /** For changes. Default none. */
  readonly credential?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an answer may take, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

/** The admin API of a gateway, from elsewhere. */
export interface AdminClient extends Closeable {
  /**
   * Asks for an operation by its name.
   * @throws INVALID_CALL, CONNECTION_FAILED, INVALID_ANSWER, DEADLINE_EXCEEDED, and what the server refuses it with
   */
  call<Name extends keyof Operations>(name: Name, input: CallInput<Operations[Name]>): Promise<AnswerTo<Name>>;
}

/** Makes one; nothing is opened until it is asked. */
export function adminClient({
  endpoint,
  credential,
  clock,
  random,
  timeoutMs = 10_000,
}: AdminClientOptions): AdminClient {
  const pool = clientPool({ endpoint, clock, idleTimeoutMs: 0 });
  return {
    async call(name, input) {
      const operation = adminContract.operations[name];
      const { path, body } = encodeCall(operation, input);
      using ctx = createContext({ clock, random, timeoutMs });
      const { status, body: bytes } = await pool.request(ctx, {
        method: operation.method,
        target: path,
        fields: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        },
        body,
      });
      const text = bytes.toString('utf8');
      // `as`: read by the operation's own output, tolerantly.
      if (status === operation.status) return decodeOutput(operation, text) as AnswerTo<typeof name>;
      throw errorFromProblem(parsed(text), status);
    },
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
