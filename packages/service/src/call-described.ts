import {
  contextToHeaders,
  FairleadError,
  isError,
  nearest,
  type Context,
  type Transport,
  type TransportResponse,
} from '@fairlead/core';
import {
  CONTRACT_ERRORS,
  describedOperation,
  describedOperations,
  encodeCall,
  type JsonObject,
  type Operation,
  type WireCall,
} from '@fairlead/contract';
import { fail } from './errors.ts';

/** A call by somebody who has the callee's description and not its contract. */
export interface DescribedCall {
  /** Name of the service or external. */
  readonly service: string;
  /** Name of the operation, such as `placeOrder`. */
  readonly operation: string;
  /** What `describeContract` said of the callee, as it came over the wire. */
  readonly document: JsonObject;
  readonly input: Readonly<Record<string, unknown>>;
  /** Sent as it is: this is where the work begins. Default: none. */
  readonly idempotencyKey?: string;
  readonly transport: Transport;
}

/**
 * Makes one call, which `ctx` bounds and whose caller it names. Resolves with the answer, whatever its status.
 * @throws NOT_FOUND when the description has no such operation, with the nearest name
 * @throws INVALID_INPUT when the input does not fit, with `details.issues`; nothing has been sent then
 * @throws UNAVAILABLE, DEADLINE_EXCEEDED as the transport says
 */
export async function callDescribed(ctx: Context, call: DescribedCall): Promise<TransportResponse> {
  const { service, document, input, transport } = call;
  const operation = describedOperation(document, service, call.operation);
  if (operation === undefined) throw unknownOperation(service, call.operation, document);
  const { path, body } = encoded(operation, input);
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...contextToHeaders(ctx, { downstreamKey: call.idempotencyKey }),
  };
  if (body !== undefined) headers['content-type'] = 'application/json';
  return transport.send(ctx, { service, operation: operation.name, method: operation.method, path, headers, body });
}

function unknownOperation(service: string, name: string, document: JsonObject): FairleadError {
  const names = describedOperations(document).map((operation) => operation.name);
  const near = nearest(name, names);
  const hint = near === undefined ? `It has: ${names.join(', ') || 'none'}.` : `Did you mean ${service}.${near}?`;
  return fail('NOT_FOUND', `${service} has no operation "${name.slice(0, 64)}". ${hint}`);
}

function encoded(operation: Operation, input: Readonly<Record<string, unknown>>): WireCall {
  try {
    return encodeCall(operation, input);
  } catch (error) {
    if (!isError(error, 'INVALID_CALL')) throw error;
    // In code it is a bug of the caller's; here a person has typed the input.
    const place = `${operation.contract}.${operation.name}`;
    throw new FairleadError(CONTRACT_ERRORS.INVALID_INPUT, 'INVALID_INPUT', `${place} can't take this input.`, {
      details: error.details,
    });
  }
}
