import { fail } from '../errors.ts';

/**
 * A body as JSON.
 * @throws DOC_INVALID when it is none, DOC_TOO_LARGE
 */
export function bodyText(what: string, body: unknown, maxBytes: number): string {
  let json: string | undefined;
  try {
    // Typed as string, yet undefined for what JSON has no word for.
    json = JSON.stringify(body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fail('DOC_INVALID', `${what} has a body that is not JSON: ${why}`, { cause: error });
  }
  if (json === undefined) throw fail('DOC_INVALID', `${what} has a body that is not JSON (${typeof body}).`);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes) {
    throw fail(
      'DOC_TOO_LARGE',
      `${what} is ${bytes} bytes of JSON; at most ${maxBytes} fit. Divide it, or store the bulk elsewhere and refer to it.`,
    );
  }
  return json;
}
