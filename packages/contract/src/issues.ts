import type { z } from 'zod';
import { known, type Schema } from './schema.ts';

/** Where a value does not fit, and why. */
export interface Issue {
  /** JSON path from the value's root, `$`. */
  readonly path: string;
  readonly message: string;
}

/** A value as its schema gives it back, or what is wrong with it. */
export type Checked =
  | { readonly kind: 'fits'; readonly value: unknown }
  | { readonly kind: 'unfit'; readonly issues: readonly Issue[] };

/** More issues than these help nobody. */
const MAX_ISSUES = 20;
const MAX_NAME_LENGTH = 64;

/** Holds `value` against `schema`. */
export function check(schema: z.core.SomeType, value: unknown): Checked {
  let result: ReturnType<z.ZodType['safeParse']>;
  try {
    // Every schema of a contract comes from `zod`, whose classes have the method.
    result = (known(schema) as Schema & z.ZodType).safeParse(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { kind: 'unfit', issues: [{ path: '$', message: 'nested too deeply' }] };
  }
  if (result.success) return { kind: 'fits', value: result.data };
  // Unknown members first: a misspelt name explains the missing one.
  const { issues } = result.error;
  const unknown = issues.filter(({ code }) => code === 'unrecognized_keys');
  const others = issues.filter(({ code }) => code !== 'unrecognized_keys');
  return { kind: 'unfit', issues: flatten([...unknown, ...others], []).slice(0, MAX_ISSUES) };
}

/** One line for people: the first issue, and how many more there are. */
export function summarize(issues: readonly Issue[]): string {
  const [first] = issues;
  if (!first) return 'unknown';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return `${first.path}: ${first.message}${more}`;
}

/** The step of a JSON path to every item or member. */
export const ANY_STEP = Symbol('*');

/** `$.items[0].sku` of `['items', 0, 'sku']`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  return `$${path.map((part) => step(part)).join('')}`;
}

function step(part: PropertyKey): string {
  if (part === ANY_STEP) return '[*]';
  if (typeof part === 'number') return `[${part}]`;
  const name = String(part);
  if (/^[A-Za-z_$][\w$]*$/.test(name) && name.length <= MAX_NAME_LENGTH) return `.${name}`;
  return `[${JSON.stringify(name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name)}]`;
}

function flatten(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      // One line a key where the reader is strict (see `strictSchema`), else one for all.
      const lines = issue.message.split('\n');
      return issue.keys
        .slice(0, MAX_ISSUES)
        .map((key, index) => ({ path: jsonPath([...path, key]), message: lines[index] ?? 'unknown member' }));
    }
    if (issue.code === 'invalid_union') {
      const closest = closestOption(issue.errors);
      if (closest) return flatten(closest, path);
    }
    return [{ path: jsonPath(path), message: wording(issue.message) }];
  });
}

function wording(message: string): string {
  const missing = /^Invalid input: (expected .*), received undefined$/.exec(message);
  return missing ? `is missing, ${missing[1]}` : message.replace(/^Invalid input: /, '');
}

/** The option that was missed by the least: one whose issues all lie inside the value, the fewest of them. */
function closestOption(options: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const inside = options.filter((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
  return inside.toSorted((a, b) => a.length - b.length)[0];
}
