import { nearest } from '@fairlead/core';
import { z } from 'zod';
import type { FilterSpec } from '../engine/compiled-route.ts';
import type { FilterKind } from './filter-kind.ts';
import { isOpenText } from './open-text.ts';
import { issueMessage, quietIssueMessage } from './shape-problems.ts';

type RawIssue = z.core.$ZodRawIssue;

/**
 * A filter, as people write it: its kind's own form, found by `type`.
 * @param types what people may be told that there is; default the types of `kinds`
 */
export function filterForm(
  kinds: readonly FilterKind[],
  types: readonly string[] = kinds.map(({ type }) => type),
): z.ZodType<FilterSpec, { readonly [key: string]: unknown; type: string }> {
  const byType = new Map(kinds.map((kind) => [kind.type, kind]));
  const forms = new Map(kinds.map((kind) => [kind.type, kind.schema]));
  const form = z
    .looseObject({ type: z.string() })
    .meta({ filter: true })
    .transform((written, context): FilterSpec => {
      const kind = byType.get(written.type);
      if (kind === undefined) {
        const near = nearest(written.type, types);
        const hint = near === undefined ? `there are: ${types.join(', ')}` : `did you mean ${near}?`;
        context.addIssue({
          code: 'custom',
          path: ['type'],
          message: `${JSON.stringify(written.type)} is no filter; ${hint}`,
        });
        return z.NEVER;
      }
      const { open = [] } = kind;
      const read = (forms.get(kind.type) ?? kind.schema).safeParse(written, {
        error: (issue) =>
          isOpenText((issue.path ?? []).map(String), open) ? issueMessage(issue) : quietIssueMessage(issue),
      });
      if (!read.success) {
        // `as`: an issue that was told is what an issue to be told is made of; its message stays.
        context.issues.push(...read.error.issues.map((issue) => ({ ...issue, input: written }) as RawIssue));
        return z.NEVER;
      }
      // `as`: forms of filters are objects, which `FilterKind.schema` says.
      return { ...(read.data as object), type: written.type };
    });
  for (const kind of kinds) if (kind.within !== undefined) forms.set(kind.type, kind.within(form));
  return form;
}
