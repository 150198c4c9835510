import { fail } from './errors.ts';

/** One thing that is wrong with a blueprint. */
export interface BlueprintProblem {
  /** Where, as one would write it in code: `gateway.routes[1].servce`. Empty for the blueprint as a whole. */
  readonly path: string;
  /** What is wrong there, and what to do. */
  readonly message: string;
}

/** A place in the blueprint: the keys and indices that lead to it. */
export type Place = readonly PropertyKey[];

/** A place as one would write it in code. */
export function formatPlace(place: Place): string {
  let text = '';
  for (const step of place) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (typeof step === 'string' && /^[A-Za-z_$][\w$]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(String(step))}]`;
  }
  return text;
}

/** Gathers everything that is wrong, so that people hear it at once and not one at a time. */
export class ProblemList {
  readonly #problems: BlueprintProblem[] = [];

  get problems(): readonly BlueprintProblem[] {
    return this.#problems;
  }

  add(place: Place, message: string): void {
    this.#problems.push({ path: formatPlace(place), message });
  }

  /** @throws PLATFORM_INVALID with every problem, in the order of finding, when there is one. */
  throwIfAny(file: string): void {
    const problems = this.#problems;
    if (problems.length === 0) return;
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    const lines = problems.map(({ path, message }) => `  ${path === '' ? '(blueprint)' : path}: ${message}`);
    throw fail('PLATFORM_INVALID', `${file} has ${count}:\n${lines.join('\n')}`, {
      details: { file, problems: [...problems] },
    });
  }
}
