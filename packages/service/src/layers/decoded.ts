import { decodeCall } from '@fairlead/contract';
import type { Layer } from '../exchange.ts';

/** Path, query and body become the handler's input, strictly: what the contract doesn't know is refused. */
export const decoded: Layer = (call, next) => {
  call.input = decodeCall(call.operation, call.request);
  return next(call);
};
