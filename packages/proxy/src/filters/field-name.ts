import type { z } from 'zod';
import { fieldName } from '../snapshot/names.ts';

/** What belongs to a connection, or says where a message ends. */
const FRAMING = ['connection', 'content-length', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** The name of a field that a filter writes: none of those that the proxy writes itself, and none of `besides`. */
export function writtenField(...besides: readonly string[]): z.ZodType<string, string> {
  const own = new Set([...FRAMING, ...besides]);
  return fieldName.refine((name) => !own.has(name), { message: 'is written by the proxy itself; leave it out' });
}
