import { fail } from '../errors.ts';

/**
 * A value as JSON makes it: what is stored, and what everybody gets from then on. `undefined` stays what it is.
 * @param what whose value it is, for the message
 * @throws SAGA_INVALID, SAGA_TOO_LARGE
 */
export function plainJson(what: string, value: unknown, maxBytes: number): unknown {
  if (value === undefined || value === null || typeof value === 'boolean') return value;
  let json: string | undefined;
  try {
    // Typed as string, yet undefined for what JSON has no word for.
    json = JSON.stringify(value);
  } catch (error) {
    throw fail('SAGA_INVALID', `${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (json === undefined) throw fail('SAGA_INVALID', `${what} is not JSON (${typeof value}).`);
  // A character is at most three bytes, so most need not be counted.
  const bytes = json.length * 3 > maxBytes ? Buffer.byteLength(json) : 0;
  if (bytes > maxBytes)
    throw fail(
      'SAGA_TOO_LARGE',
      `${what} is ${bytes} bytes of JSON; at most ${maxBytes} fit (maxPayloadBytes). Store the bulk elsewhere and refer to it.`,
    );
  return JSON.parse(json);
}
