import { specProblems, type PolicySpec } from '@fairlead/policy';
import { z } from 'zod';
import { memberName } from './names.ts';

/** A policy in full. Its own package says what is wrong with it, with the place in front of each sentence. */
export const policyForm = z
  .custom<PolicySpec>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object, as in docs/guides/policies.md',
  })
  .superRefine((spec, context) => {
    for (const problem of specProblems(spec)) {
      const [, place = '', message = problem] = /^([A-Za-z0-9_.[\]]+): (.*)$/s.exec(problem) ?? [];
      context.addIssue({ code: 'custom', path: place === '' ? [] : place.split('.'), message });
    }
  })
  .meta({ type: 'object', description: 'A policy: docs/guides/policies.md.' });

/** A policy in full, or the name of a shared one. */
export const policyReference = z.union([memberName, policyForm]);
