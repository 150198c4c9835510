import type { Contract } from './contract.ts';

/** What a document says besides its contracts. */
export interface DocumentOptions {
  readonly title: string;
  readonly version: string;
  /** Base URLs. Default: none. */
  readonly servers?: readonly { readonly url: string; readonly description?: string }[];
}

/** A JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

export declare function toOpenApi(contracts: Contract | readonly Contract[], options: DocumentOptions): JsonObject;
