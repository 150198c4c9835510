import { fail } from './errors.ts';
import type { Contract } from './contract.ts';

/** A JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

/** What a document says besides its contracts. */
export interface DocumentOptions {
  readonly title: string;
  /** The document's own version, such as `1.0.0`. */
  readonly version: string;
}

/**
 * The contracts of a document, one or several.
 * @throws INVALID_CONTRACT when two have the same name
 */
export function contractsOf(given: Contract | readonly Contract[]): readonly Contract[] {
  // A contract is no array, and what is none is the list.
  const contracts = Array.isArray(given) ? (given as readonly Contract[]) : [given as Contract];
  const names = contracts.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw fail('INVALID_CONTRACT', `Two contracts of this document are named "${twice}".`);
  return contracts;
}

/** `object` without its members that are undefined. */
export function defined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
