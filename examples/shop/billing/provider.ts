import { decodeCall, encodeOutput, findOperation } from '@fairlead/contract';
import {
  FairleadError,
  PROBLEM_CONTENT_TYPE,
  toProblem,
  type TransportRequest,
  type TransportResponse,
} from '@fairlead/core';
import billingContract from './contract.ts';
import type { Entry, Ledger } from './ledger.ts';

/** What the provider needs from its surroundings. */
export interface ProviderOptions {
  readonly ledger: Ledger;
  readonly sleep: (delayMs: number) => Promise<void>;
}

/** Answers a call; `undefined` means that the connection breaks instead. */
export type Provider = (
  request: Pick<TransportRequest, 'method' | 'path' | 'headers' | 'body'>,
) => Promise<TransportResponse | undefined>;

const { charge, refund, ledger: readLedger, setFaults } = billingContract.operations;

/**
 * The card processor itself, without sockets: once per key, the same answer for a repeat, and faults on demand.
 * `failNext` calls fail before anything is booked; `dropNext` are booked and never answered; `latencyMs` delays both.
 */
export function provider({ ledger, sleep }: ProviderOptions): Provider {
  let faults = { latencyMs: 0, failNext: 0, dropNext: 0 };

  /** Books once per key. `undefined` when the answer is to be lost. */
  async function move(type: Entry['type'], key: string | undefined, orderId: string, amountCents: number) {
    if (!key) throw new FairleadError('invalid', 'KEY_MISSING', 'Send an Idempotency-Key: money moves once per key.');
    if (faults.latencyMs > 0) await sleep(faults.latencyMs);
    if (faults.failNext > 0) {
      faults.failNext -= 1;
      throw new FairleadError('unavailable', 'UNAVAILABLE', 'The card network is down; try again.');
    }
    const entry = await ledger.book({ key, type, amountCents, orderId });
    if (entry.type !== type || entry.amountCents !== amountCents || entry.orderId !== orderId) {
      throw new FairleadError('unprocessable', 'KEY_REUSED', `Key ${key} was used for another ${entry.type}.`);
    }
    if (faults.dropNext > 0) {
      faults.dropNext -= 1;
      return undefined;
    }
    return { amountCents: entry.amountCents };
  }

  async function answer(request: Parameters<Provider>[0]): Promise<string | undefined> {
    const { method, path, body } = request;
    const key = request.headers['idempotency-key'];
    switch (nameOf(method, path)) {
      case 'charge': {
        const { card, orderId, amountCents } = decodeCall(charge, { path, body });
        if (card === 'declined') throw new FairleadError('unprocessable', 'CARD_DECLINED', 'The card was declined.');
        const moved = await move('charge', key, orderId, amountCents);
        return moved && encodeOutput(charge, moved);
      }
      case 'refund': {
        const { orderId, amountCents } = decodeCall(refund, { path, body });
        const moved = await move('refund', key, orderId, amountCents);
        return moved && encodeOutput(refund, moved);
      }
      case 'ledger': {
        const { orderId } = decodeCall(readLedger, { path, body });
        const entries = ledger.entries.filter((entry) => orderId === undefined || entry.orderId === orderId);
        return encodeOutput(readLedger, { entries });
      }
      case 'setFaults': {
        const { latencyMs, failNext, dropNext } = decodeCall(setFaults, { path, body });
        faults = {
          latencyMs: latencyMs ?? faults.latencyMs,
          failNext: failNext ?? faults.failNext,
          dropNext: dropNext ?? faults.dropNext,
        };
        return encodeOutput(setFaults, faults);
      }
      default:
        throw new FairleadError('not-found', 'NO_ROUTE', `Billing has no ${method} ${path}.`);
    }
  }

  return async (request) => {
    try {
      const text = await answer(request);
      return text === undefined
        ? undefined
        : { status: 200, headers: { 'content-type': 'application/json' }, body: text };
    } catch (error) {
      const problem = toProblem(error);
      return {
        status: problem.status,
        headers: { 'content-type': PROBLEM_CONTENT_TYPE },
        body: JSON.stringify(problem),
      };
    }
  };
}

function nameOf(method: string, path: string): string | undefined {
  const found = findOperation(billingContract, method, path);
  return found.kind === 'operation' ? found.operation.name : undefined;
}
