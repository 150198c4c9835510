import { FairleadError } from '@fairlead/core';
import type { GatewayProcesses } from './gateway-question.ts';
import type { LocalGateway } from './local-gateway.ts';

/** A gateway that is one process: this one. */
export function oneProcess(gateway: LocalGateway): GatewayProcesses {
  return {
    ask: async (name, question) => [{ kind: 'told', pid: process.pid, answer: await gateway.answer(name, question) }],
  };
}

/** No process has said anything. */
export function nobodyTold(): FairleadError {
  return new FairleadError('unavailable', 'UNAVAILABLE', 'No process of the gateway has answered; try again.', {
    retryAfterMs: 1_000,
  });
}
