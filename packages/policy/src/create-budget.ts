import { resolveBudget, type BudgetShare } from './budget-options.ts';
import { fail } from './errors.ts';
import { Problems } from './problems.ts';
import { RetryBudget } from './retry-budget.ts';

/**
 * A budget for the policies of one destination, to be given to each of them as `ports.budget`: what they repeat together
 * is then a share of what they call together.
 * @param name of the destination, for messages
 * @param spec as the section `budget` of a policy; its own is not read where one is given
 * @throws POLICY_INVALID with every fault of the specification
 */
export function retryBudget(name: string, spec: BudgetShare = {}): RetryBudget {
  const problems = new Problems();
  const resolved = resolveBudget(spec, problems.at('budget'));
  if (resolved === undefined || problems.found.length > 0) {
    const found = resolved === undefined ? ['budget: to have none, give policies of their own `off`'] : problems.found;
    throw fail('POLICY_INVALID', `The retry budget of "${name}" can't be used:\n${found.join('\n')}`, {
      details: { policy: name, problems: found },
    });
  }
  return new RetryBudget(resolved);
}
