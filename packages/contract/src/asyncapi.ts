import type { Contract } from './contract.ts';
import type { DocumentOptions, JsonObject } from './openapi.ts';

export declare function toAsyncApi(contracts: Contract | readonly Contract[], options: DocumentOptions): JsonObject;
