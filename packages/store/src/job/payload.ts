import { fail } from '../errors.ts';

/**
 * A value as JSON.
 * @param what whose value it is, for the message
 * @throws JOB_INVALID, JOB_TOO_LARGE
 */
export function jsonOf(what: string, name: string, value: unknown, maxBytes: number): string {
  let json: string | undefined;
  try {
    // Typed as string, yet undefined for what JSON has no word for.
    json = JSON.stringify(value);
  } catch (error) {
    throw fail(
      'JOB_INVALID',
      `${what} has a ${name} that is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  if (json === undefined) throw fail('JOB_INVALID', `${what} has a ${name} that is not JSON (${typeof value}).`);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes)
    throw fail(
      'JOB_TOO_LARGE',
      `${what} has a ${name} of ${bytes} bytes of JSON; at most ${maxBytes} fit. Store the bulk elsewhere and refer to it.`,
    );
  return json;
}
