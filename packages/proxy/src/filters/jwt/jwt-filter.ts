// A request's token: jwt-spec.ts what is asked of it, bearer-token.ts where it is, jwt-verifier.ts whether it is genuine, by which
// keys (key-set.ts, key-source.ts, jwks-url.ts), verified-tokens.ts those that were verified already, jwt-identity.ts who it says
// is asking, missing.ts what it lacks, jwt-fault.ts what is wrong with it.

import type { Filter, FilterFactory, Passage, Verdict } from '../../engine/filter.ts';
import { bearerText, checkedToken } from './bearer-token.ts';
import { TOKEN_MISSING } from './jwt-fault.ts';
import { missingOf } from './missing.ts';
import { resolveJwtSpec, type JwtSpec, type ResolvedJwtSpec } from './jwt-spec.ts';
import { JwtVerifier } from './jwt-verifier.ts';
import type { VerifiedToken } from './verified-tokens.ts';

/**
 * Verifies JSON Web Tokens (RFC 7519, RFC 8725). The key decides the algorithm, never the token; keys come from where the
 * filter says, never from where a token says; `iss` and `aud` must be what it says, `exp` must be there, `nbf` is kept to. A
 * token that was verified before costs a look into a map. Says who asks (`Passage.identity`).
 */
export const makeJwtFilter: FilterFactory<JwtSpec> = (spec, world) => {
  const resolved = resolveJwtSpec(spec);
  // What only says who may pass is no reason to verify all tokens anew.
  const { require: _require, ...what } = spec;
  const verifier = world.kept(`jwt ${JSON.stringify(what)}`, () => new JwtVerifier(resolved, world));
  return new JwtFilter(resolved, verifier);
};

/** The filter by a verifier that there is already. */
export function jwtFilter(spec: ResolvedJwtSpec, verifier: JwtVerifier): Filter {
  return new JwtFilter(spec, verifier);
}

class JwtFilter implements Filter {
  readonly type = 'jwt';
  readonly #spec: ResolvedJwtSpec;
  readonly #verifier: JwtVerifier;

  constructor(spec: ResolvedJwtSpec, verifier: JwtVerifier) {
    this.#spec = spec;
    this.#verifier = verifier;
  }

  request(passage: Passage): Verdict | Promise<Verdict> {
    const { header, headers, forward, optional } = this.#spec;
    const value = passage.fields.get(header);
    if (!forward) passage.setUpstream(header, undefined);
    // Whoever asks doesn't say what only a token may.
    for (const [field] of headers) passage.setUpstream(field, undefined);
    if (value === undefined) return optional ? undefined : TOKEN_MISSING;
    const text = header === 'authorization' ? bearerText(value) : value;
    if (typeof text !== 'string') return text;
    // What is known has been looked at.
    const known = this.#verifier.known(text);
    if (known !== undefined) return this.#admit(passage, known);
    const token = checkedToken(text);
    return typeof token === 'string' ? this.#verify(passage, token) : token;
  }

  async #verify(passage: Passage, token: string): Promise<Verdict> {
    const verified = await this.#verifier.verify(token);
    return 'cause' in verified ? verified : this.#admit(passage, verified);
  }

  #admit(passage: Passage, { identity, upstream }: VerifiedToken): Verdict {
    const missing = missingOf(identity, this.#spec);
    if (missing !== undefined) return missing;
    passage.identity = identity;
    const { headers } = this.#spec;
    for (let at = 0; at < headers.length; at += 1) {
      const field = headers[at]?.[0];
      if (field !== undefined) passage.setUpstream(field, upstream[at]);
    }
    return undefined;
  }
}
