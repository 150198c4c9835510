import type { ServiceDefinition } from '@fairlead/service';

/** A service as its module defines it. */
export interface ImportedService {
  /** Absolute path. */
  readonly module: string;
  readonly definition: ServiceDefinition;
}
