import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { realClock } from '@fairlead/core';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { onTestFinished } from 'vitest';

/** What a provider says wrongly; what is left out is right. */
export interface Lies {
  /** Of its metadata. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Of the ID token; `undefined` leaves a claim out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Who signs the ID token: itself, somebody else under its name, nobody, or everybody who knows the public key. */
  readonly signer?: 'own' | 'stranger' | 'none' | 'public-key';
  readonly kid?: string;
  /** Of the answer to a code or refresh token. */
  readonly answer?: Readonly<Record<string, unknown>>;
  /** Instead of that answer. */
  readonly raw?: { readonly status: number; readonly body: string };
}

/** A provider that can be told to lie. */
export interface FalseProvider {
  readonly issuer: string;
  lies: Lies;
  /** What logins have asked for; the test has to say it, as no browser comes here. */
  nonce: string;
  /** Answers to codes and refresh tokens so far. */
  readonly tokens: string[];
}

/** Starts one. It logs in everybody as `ada`, without asking. */
export async function falseProvider(): Promise<FalseProvider> {
  const own = await generateKeyPair('RS256', { extractable: true });
  const stranger = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'own', alg: 'RS256', use: 'sig' };
  const tokens: string[] = [];
  let issued = 0;

  async function idToken(accessToken: string): Promise<string> {
    const { lies, issuer, nonce } = provider;
    const now = Math.floor(realClock().now() / 1_000);
    const at_hash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
    const all = { iss: issuer, aud: 'shop', sub: 'ada', iat: now, exp: now + 600, nonce, at_hash, ...lies.claims };
    const claims = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as JWTPayload;
    const { signer = 'own', kid = 'own' } = lies;
    if (signer === 'none') return new UnsecuredJWT(claims).encode();
    if (signer === 'public-key') {
      const secret = new TextEncoder().encode(JSON.stringify(jwk));
      return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(secret);
    }
    const { privateKey } = signer === 'own' ? own : stranger;
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
  }

  const server = createServer((request, response) => {
    const tell = (body: object, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const { issuer, lies } = provider;
    if (request.url === '/.well-known/openid-configuration') {
      return tell({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
        ...lies.metadata,
      });
    }
    if (request.url === '/jwks') return tell({ keys: [jwk] });
    if (request.url !== '/token') return tell({}, 404);
    if (lies.raw !== undefined) {
      return response.writeHead(lies.raw.status, { 'content-type': 'application/json' }).end(lies.raw.body);
    }
    const accessToken = `access-${(issued += 1)}`;
    tokens.push(accessToken);
    return void idToken(accessToken).then((id_token) =>
      tell({
        access_token: accessToken,
        refresh_token: `refresh-${issued}`,
        token_type: 'Bearer',
        expires_in: 300,
        id_token,
        ...lies.answer,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const provider: FalseProvider = { issuer: `http://127.0.0.1:${port}`, lies: {}, nonce: '', tokens };
  return provider;
}
