import {
  decodeCall,
  encodeOutput,
  type Contract,
  type Input,
  type Operation,
  type OperationName,
  type Output,
} from '@fairlead/contract';
import {
  contextFromHeaders,
  FairleadError,
  isError,
  nearest,
  PROBLEM_CONTENT_TYPE,
  toProblem,
  type Clock,
  type Context,
  type Random,
  type TransportRequest,
  type TransportResponse,
} from '@fairlead/core';

/** What a fake answers, by operation; those that are left out fail with a message that says which one was called. */
export type FakeHandlers<C extends Contract> = {
  readonly [Name in OperationName<C>]?: (
    input: Input<C['operations'][Name]>,
    ctx: Context,
  ) => Output<C['operations'][Name]> | Promise<Output<C['operations'][Name]>>;
};

/** A call that a fake has seen. */
export interface FakeCall {
  readonly operation: string;
  /** As the real service's handler would get it: checked, with defaults. */
  readonly input: unknown;
  readonly tenant: string | undefined;
  /** The key under which a repeat of this call must have one effect. */
  readonly idempotencyKey: string | undefined;
}

/** Stands in for a service or external in a test. */
export interface Fake {
  readonly contract: Contract;
  /** The calls so far, in order. */
  readonly calls: readonly FakeCall[];
  /** Answers one call as the real thing would: input and answer are held to the contract, failures become problems. */
  handle(
    request: TransportRequest,
    ports: { readonly clock: Clock; readonly random: Random },
  ): Promise<TransportResponse>;
}

/**
 * Stands in for a service that another one calls. Handlers are typed by its contract; what they are given and what they
 * answer is validated, so that a fake can't promise what the real service may not. A handler throws what the real
 * one would: `declaredError(operation, code, …)`, or `new FairleadError('unavailable', 'UNAVAILABLE', …)` for an outage.
 *
 * @throws FAKE_UNKNOWN_OPERATION when there is a handler that the contract has no operation for
 */
export function fake<C extends Contract>(contract: C, handlers: FakeHandlers<C> = {}): Fake {
  const known = Object.keys(contract.operations);
  const surplus = Object.keys(handlers).find((name) => !known.includes(name));
  if (surplus !== undefined) {
    const meant = nearest(surplus, known);
    throw new FairleadError(
      'internal',
      'FAKE_UNKNOWN_OPERATION',
      `fake(${contract.name}): the contract has no operation ${surplus}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`,
    );
  }
  const calls: FakeCall[] = [];
  return {
    contract,
    calls,
    async handle(request, ports) {
      using ctx = contextFromHeaders(request.headers, { ...ports, trusted: true });
      const operation = contract.operations[request.operation];
      // The handlers' type says that each takes and gives what the operation of its name does.
      const handler = (handlers as Readonly<Record<string, ((input: unknown, ctx: Context) => unknown) | undefined>>)[
        request.operation
      ];
      if (operation === undefined || handler === undefined) throw missing(contract.name, request.operation);
      try {
        const input = decodeCall(operation, { path: request.path, body: request.body });
        const { tenant, idempotencyKey } = ctx;
        calls.push({ operation: operation.name, input, tenant, idempotencyKey });
        return { status: operation.status, headers: JSON_HEADERS, body: encode(operation, await handler(input, ctx)) };
      } catch (error) {
        // An answer that the contract forbids is a mistake of the test, not something that a caller has to handle.
        if (isError(error, 'INVALID_OUTPUT')) throw error;
        const problem = toProblem(error);
        return { status: problem.status, headers: PROBLEM_HEADERS, body: JSON.stringify(problem) };
      }
    },
  };
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const PROBLEM_HEADERS = { 'content-type': PROBLEM_CONTENT_TYPE };

function encode(operation: Operation, answer: unknown): string {
  // Checked right here against the operation's own schema.
  return encodeOutput(operation, answer as Output<Operation>);
}

/** The failure of a call that nobody has an answer for. */
export function missing(service: string, operation: string): FairleadError {
  return new FairleadError(
    'internal',
    'FAKE_MISSING',
    `${service}.${operation} was called, and nothing answers it in this test. Add fakes: [fake(${service}Contract, { ${operation}: () => … })].`,
  );
}
