import type { Context } from '@fairlead/core';
import type { Sql, Tx } from '../database.ts';
import type { PayloadSeal, SealedPlace } from '../encryption/payload-seal.ts';
import type { Doc } from './doc-types.ts';

/** The columns of sealed documents. */
export interface SealedBodies {
  /** Column `sealed`, the same for all. */
  readonly key: string;
  /** Column `body`, one each. */
  readonly json: readonly string[];
}

/** Seals the bodies of documents that are about to be put. */
export async function sealBodies(
  tx: Tx,
  seal: PayloadSeal,
  namespace: string,
  docs: readonly { readonly key: string; readonly json: string }[],
): Promise<SealedBodies> {
  const { key, payloads } = await seal.seal(
    tx,
    docs.map((doc) => ({ ...placeOf(namespace, doc.key), json: doc.json })),
  );
  return { key, json: payloads.map((payload) => JSON.stringify(payload)) };
}

/**
 * Opens those of `docs` that are sealed: `keys` is their column `sealed`. Without a seal they are `closed`, and when the keys
 * of their tenant were destroyed `shredded`; either way they have no body.
 * @throws SEAL_BROKEN, KEY_UNAVAILABLE
 */
export async function openBodies(
  from: { readonly ctx: Context; readonly sql: Sql },
  seal: PayloadSeal | undefined,
  namespace: string,
  docs: readonly Doc[],
  keys: readonly (string | null)[],
): Promise<readonly Doc[]> {
  const sealed = docs.flatMap((doc, index) => {
    const key = keys[index] ?? null;
    if (key === null) return [];
    const payload = typeof doc.body === 'string' ? doc.body : '';
    return [{ ...placeOf(namespace, doc.key), index, tenant: doc.tenant ?? '', key, payload }];
  });
  if (sealed.length === 0) return docs;
  const opened = await seal?.open(from.ctx, from.sql, sealed);
  const result = [...docs];
  for (const [nth, { index }] of sealed.entries()) {
    const [doc, one] = [docs[index], opened?.[nth]];
    if (doc === undefined) continue;
    result[index] =
      one?.kind === 'opened'
        ? { ...doc, body: JSON.parse(one.json), sealed: 'opened' }
        : { ...doc, body: undefined, sealed: one === undefined ? 'closed' : 'shredded' };
  }
  return result;
}

/** Ciphertext opens in its document only; that it is the document's latest is what the version says. */
function placeOf(namespace: string, key: string): SealedPlace {
  return { table: 'fairlead_doc', row: JSON.stringify([namespace, key]) };
}
