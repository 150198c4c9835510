import type { PlatformModel } from '@fairlead/platform';
import { describeContract } from '@fairlead/service';

/** A provider outside the platform, as the blueprint describes it. */
export interface DescribedExternal {
  /** Its contract as an OpenAPI document. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Where it answers; `undefined` when the platform runs it, which then knows. */
  readonly url: string | undefined;
}

/** The externals of a platform, by name: they can't be asked for their contracts as services can. */
export function describedExternals(model: PlatformModel): Readonly<Record<string, DescribedExternal>> {
  return Object.fromEntries(
    model.externals.map(({ name, contract, run, url }) => [
      name,
      { document: describeContract(contract), url: run === undefined ? url : undefined },
    ]),
  );
}
