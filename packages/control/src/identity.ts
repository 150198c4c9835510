/** What the platform's tokens say about who signed them and for whom. */
export interface PlatformIdentity {
  /** `iss` of every token. */
  readonly issuer: string;
  /** `aud` of every token. */
  readonly audience: string;
}

/**
 * The identity of a platform, from its name alone: the gateway and the issuer come to the same without talking.
 */
export function platformIdentity(name: string): PlatformIdentity {
  return { issuer: `urn:fairlead:platform:${name}`, audience: `urn:fairlead:gateway:${name}` };
}
