import { FairleadError } from '@fairlead/core';
import type { Logger } from '@fairlead/telemetry';
import type { Layer } from '../exchange.ts';
import { problemAnswer } from '../failure.ts';

/** Whatever is thrown further in becomes a problem document; our own faults are logged with their causes. */
export function problems(log: Logger): Layer {
  return async (call, next) => {
    try {
      return await next(call);
    } catch (error) {
      const answer = problemAnswer(error, call.ctx, call.request.path);
      if (answer.status >= 500) {
        const fields = {
          operation: call.operation.name,
          code: error instanceof FairleadError ? error.code : 'INTERNAL',
        };
        log.error(call.ctx, `${call.operation.name} failed`, { ...fields, error });
      }
      return answer;
    }
  };
}
