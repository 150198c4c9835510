import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import OidcProvider from 'oidc-provider';
import { onTestFinished } from 'vitest';

/** A client's secret that nothing may tell. */
export const CLIENT_SECRET = 'the-secret-of-the-shop-that-nobody-tells';

/** A provider that is not ours: panva's `oidc-provider`, listening. */
export interface ForeignProvider {
  readonly issuer: string;
  /** Paths that it was asked for. */
  readonly asked: string[];
  /** Answers from now on, and sends people back to this gateway. Who has asked before has waited. */
  open(origin: string): Promise<void>;
  /** Begins anew with other keys, as it does when it rotates them; who has logged in before is forgotten. */
  rotate(): Promise<void>;
  /** No longer listens. */
  stop(): Promise<void>;
}

/** How it behaves. */
export interface ForeignProviderOptions {
  /** Default 3600. */
  readonly accessTokenSeconds?: number;
  /** Claims of everybody. Default none besides `sub` and `email`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly isPublic?: boolean;
}

let keys = 0;

/** It says on the console that it keeps nothing and lets in everybody, which is what a test wants. */
function quietly(...parameters: ConstructorParameters<typeof OidcProvider>) {
  const { info, warn } = console;
  Object.assign(console, { info: () => {}, warn: () => {} });
  try {
    return new OidcProvider(...parameters);
  } finally {
    Object.assign(console, { info, warn });
  }
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: `key-${(keys += 1)}`, use: 'sig', alg: 'RS256' };
}

/** Starts one; everybody who says a name is who he says. */
export async function foreignProvider(options: ForeignProviderOptions = {}): Promise<ForeignProvider> {
  const { accessTokenSeconds = 3_600, claims = {}, isPublic = false } = options;
  const asked: string[] = [];
  let origin = '';
  let handle: RequestListener | undefined;
  const opened = Promise.withResolvers<void>();
  const server: Server = createServer((request, response) => {
    asked.push((request.url ?? '').replace(/\?.*/, ''));
    void opened.promise.then(() => handle?.(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;

  async function begin(): Promise<void> {
    const key = await newKey();
    const provider = quietly(issuer, {
      jwks: { keys: [key] },
      cookies: { keys: ['a key of cookies'] },
      clients: [
        {
          client_id: 'shop',
          ...(isPublic ? { token_endpoint_auth_method: 'none' } : { client_secret: CLIENT_SECRET }),
          redirect_uris: [`${origin}/oauth2/callback`],
          post_logout_redirect_uris: [`${origin}/bye`],
          grant_types: ['authorization_code', 'refresh_token'],
        },
      ],
      claims: { openid: ['sub', ...Object.keys(claims)], email: ['email'] },
      conformIdTokenClaims: false,
      findAccount: (_ctx: unknown, sub: string) => ({
        accountId: sub,
        claims: () => ({ sub, email: `${sub}@shop.test`, ...claims }),
      }),
      issueRefreshToken: () => true,
      rotateRefreshToken: () => true,
      features: {
        rpInitiatedLogout: {
          logoutSource: (ctx: { body: unknown }, form: string) => void (ctx.body = form),
        },
      },
      pkce: { required: () => true },
      ttl: {
        AccessToken: accessTokenSeconds,
        IdToken: 3_600,
        Session: 3_600,
        Interaction: 600,
        Grant: 3_600,
        RefreshToken: 3_600,
      },
    });
    handle = provider.callback();
  }

  const open = async (at: string): Promise<void> => {
    origin = at;
    await begin();
    opened.resolve();
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  return { issuer, asked, open, rotate: begin, stop };
}
