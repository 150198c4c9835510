// As far as tests use it.
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface ProviderInstance {
    callback(): RequestListener;
    on(event: string, listener: (...args: readonly unknown[]) => void): this;
  }

  const Provider: new (issuer: string, configuration: object) => ProviderInstance;
  export default Provider;
}
