import { specProblems, type PolicySpec } from '@fairlead/policy';
import { z } from 'zod';
import { memberName } from './names.ts';

/** Sections for callers: they need a body twice, or an answer as a value, and here both are streamed through once. */
const ONLY_FOR_CALLERS = {
  hedge:
    'a request is streamed to one endpoint at a time; leave it out, and write retry, or hedge where the call begins',
  cache: 'answers are streamed through and not kept; leave it out, and keep them where the call begins',
  coalesce: 'an answer is streamed to the one who asked; leave it out, and join calls where they begin',
  fallback: 'there is no value here to answer with; leave it out, and fall back where the call begins',
} as const;

/** A policy in full. Its own package says what is wrong with it, with the place in front of each sentence. */
export const policyForm = z
  .custom<PolicySpec>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object, as in docs/guides/policies.md',
  })
  .superRefine((spec, context) => {
    for (const [section, message] of Object.entries(ONLY_FOR_CALLERS)) {
      if (Object.hasOwn(spec, section)) context.addIssue({ code: 'custom', path: [section], message });
    }
    for (const problem of specProblems(spec)) {
      const [, place = '', message = problem] = /^([A-Za-z0-9_.[\]]+): (.*)$/s.exec(problem) ?? [];
      context.addIssue({ code: 'custom', path: place === '' ? [] : place.split('.'), message });
    }
  })
  .meta({ type: 'object', description: 'A policy: docs/guides/policies.md.' });

/** A policy in full, or the name of a shared one. */
export const policyReference = z.union([memberName, policyForm]);
