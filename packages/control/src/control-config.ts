import type { DescribedExternal } from './described-externals.ts';

/** What the control process is told when it starts. */
export interface ControlConfig {
  /** Name of the platform. */
  readonly platform: string;
  /** Folder of the platform's secrets; the signing key is kept there. */
  readonly secretsDir: string;
  /** Ids of the blueprint's tenants. */
  readonly tenants: readonly string[];
  /** Providers outside the platform, by name. */
  readonly externals: Readonly<Record<string, DescribedExternal>>;
  /** OpenTelemetry's own variables, when the person has a collector; here because its headers may hold a credential. */
  readonly collector: Readonly<Record<string, string>>;
  /** TCP port of the admin API on 127.0.0.1; 0 takes a free one. */
  readonly adminPort: number;
  /** The admin API's bearer credential. */
  readonly credential: string;
  /** Path of the socket for the platform's own processes. */
  readonly socketPath: string;
}
