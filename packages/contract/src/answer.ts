import { compiled } from './compiled.ts';
import { fail } from './errors.ts';
import type { Output, Received } from './inference.ts';
import { check, summarize } from './issues.ts';
import type { Operation } from './operation.ts';
import { tolerantSchema } from './tolerant-schema.ts';

const writerOf = compiled((operation: Operation) => operation.output);
const readerOf = compiled((operation: Operation) => tolerantSchema(operation.output));

/**
 * An answer as JSON text. Members that the contract does not list are left out, so that nothing leaves by accident.
 *
 * @throws INVALID_OUTPUT when the value does not fit: a bug of the service. `details.issues` says where
 */
export function encodeOutput<Op extends Operation>(operation: Op, value: Output<Op>): string {
  const checked = check(writerOf(operation), value);
  if (checked.kind === 'fits') return JSON.stringify(checked.value);
  const { issues } = checked;
  throw fail(
    'INVALID_OUTPUT',
    `${operation.contract}.${operation.name} answered what its contract does not allow: ${summarize(issues)}. Correct its handler or its output.`,
    { details: { issues } },
  );
}

/**
 * The answer that a JSON text carries. Tolerant: further members are dropped, values that an enum does not list pass
 * as they are, members with a default may be missing.
 *
 * @throws INVALID_ANSWER when it is not JSON or does not fit even so. `details.issues` says where
 */
export function decodeOutput<Op extends Operation>(operation: Op, text: string): Received<Op> {
  const place = `${operation.contract}.${operation.name}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail('INVALID_ANSWER', `${place} answered ${text.length} characters that are not JSON.`, { cause });
  }
  const checked = check(readerOf(operation), value);
  if (checked.kind === 'unfit') {
    const { issues } = checked;
    throw fail(
      'INVALID_ANSWER',
      `${place} answered what its contract does not allow: ${summarize(issues)}. Compare the versions of the contract on both sides.`,
      { details: { issues } },
    );
  }
  // It came out of the tolerant reading of the operation's own output.
  return checked.value as Received<Op>;
}
