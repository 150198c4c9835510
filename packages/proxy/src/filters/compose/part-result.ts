import type { Fields } from '@fairlead/net';
import { failureAnswer } from '../../engine/failures.ts';
import type { LocalAnswer, SideAnswer } from '../../engine/filter.ts';
import { isMembers, readJson } from './json-text.ts';
import type { PlannedPart } from './plan.ts';
import { picked } from './shape.ts';

/** How a part ended. */
export type PartResult =
  | {
      readonly kind: 'value';
      /** What of it goes into the whole. */
      readonly value: unknown;
      /** All that was answered, which other parts may be asked by. */
      readonly answered: unknown;
      readonly fields: Fields;
    }
  /** It has said that there is nothing, and need not have anything. */
  | { readonly kind: 'nothing'; readonly fields: Fields }
  /** The answer of the whole, if nothing is to be had without it; its `cause` says why it is missing. */
  | { readonly kind: 'failed'; readonly answer: LocalAnswer };

const NOTHING = new Set([204, 205, 404, 410]);

/** What an answer makes of a part. */
export function partResult(part: PlannedPart, answer: SideAnswer): PartResult {
  const { name, cluster, method, isRequired, passes } = part;
  const { status, fields, body } = answer;
  const refused = (cause: string, why: string, more: object = {}): PartResult =>
    failed(part, { status: 502, cause, detail: `${name}: what ${cluster} answered ${why}.`, members: { ...more } });
  if (!isRequired && NOTHING.has(status)) return { kind: 'nothing', fields };
  if (isRequired && passes.has(status)) return { kind: 'failed', answer: passedOn(name, answer) };
  if (status < 200 || status > 299) return refused('PART_REFUSED', `has the status ${status}`, { partStatus: status });
  if (method === 'HEAD' || status === 204 || status === 205) {
    const value = method === 'HEAD' ? true : null;
    return { kind: 'value', value, answered: value, fields };
  }
  const read = readJson(body);
  if (read.kind === 'bad') return refused('PART_INVALID', read.why);
  const value = picked(read.value, part.pick);
  if (value === undefined) return refused('PART_INVALID', 'has nothing where it is to be picked');
  if (part.at.length === 0 && !isMembers(value))
    return refused('PART_INVALID', 'is no object, of which the whole could have members');
  return { kind: 'value', value, answered: read.value, fields };
}

/** What was thrown when a part was asked. */
export function partFailure(part: PlannedPart, error: unknown): PartResult {
  return failed(part, failureAnswer(part.cluster, error));
}

/** A part that could not be asked. */
export function unasked(part: PlannedPart, whose: 'request' | 'part', why: string): PartResult {
  const detail = `${part.name} can't be asked: ${why}.`;
  // What the request has said is its own mistake.
  if (whose === 'request') return failed(part, { status: 400, cause: 'BAD_REQUEST', detail });
  return failed(part, { status: 502, cause: 'PART_SKIPPED', detail });
}

function failed({ name }: PlannedPart, answer: LocalAnswer): PartResult {
  return { kind: 'failed', answer: { ...answer, members: { ...answer.members, part: name } } };
}

/** Fields that say what an answer's body is, and what its client is to do. */
const PASSED_FIELDS = ['content-type', 'content-language', 'www-authenticate', 'retry-after'];

/** A part's answer as the whole's: there is no order, so there is no page of it. */
function passedOn(name: string, { status, fields, body }: SideAnswer): LocalAnswer {
  const passed = PASSED_FIELDS.flatMap((field) => {
    const values = fields.all(field);
    return values.length === 0 ? [] : [[field, values] as const];
  });
  return {
    status,
    cause: 'PART_ANSWERED',
    detail: `${name} has the status ${status}, and so has the whole.`,
    fields: { ...Object.fromEntries(passed), 'cache-control': 'no-store' },
    body,
  };
}
