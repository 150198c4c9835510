import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gatewayAtTest } from './gateway-at-test.ts';
import { failed, passed, skipped, type Case } from './suite.ts';

/** The members that are looked at; files of the suite say more. */
interface VectorFile {
  readonly testGroups: readonly {
    readonly comment: string;
    readonly private?: Key;
    readonly public?: Key;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly jws?: string;
      readonly jwe?: string;
      readonly result: 'valid' | 'invalid' | 'acceptable';
    }[];
  }[];
}
type Key = Readonly<Record<string, unknown>>;

const FILES = ['json_web_signature_test.json', 'json_web_key_test.json', 'json_web_crypto_test.json'];
/** What the filter says of a token with a genuine signature whose content is no set of claims for us. */
const GENUINE = new Set(['claims', 'issuer', 'audience']);

/**
 * Wycheproof's vectors for JOSE, each as the bearer token of a request to a gateway whose filter `jwt` has the vector's key.
 * Their contents are no claims, so a genuine token is one that is refused for its claims only. `path` is the folder of the
 * vectors.
 */
export async function wycheproof(path: string): Promise<readonly Case[]> {
  const there = FILES.filter((name) => existsSync(join(path, name)));
  if (there.length === 0) throw new Error(`${path} has none of ${FILES.join(', ')}; give the folder testvectors_v1.`);
  const cases: Case[] = [];
  for (const name of there) {
    // `as`: what is no such file fails at its first member that is missing.
    const { testGroups } = JSON.parse(readFileSync(join(path, name), 'utf8')) as VectorFile;
    for (const group of testGroups) {
      const verify = await verifierOf(group.public ?? group.private ?? {});
      await using _gateway = verify;
      for (const { tcId, comment, jws, result } of group.tests) {
        const title = `${name.replace('_test.json', '')} ${tcId} ${group.comment}: ${comment}`;
        if (jws === undefined) {
          cases.push(skipped(title, 'encrypted tokens (JWE) are not spoken'));
          continue;
        }
        const said = await verify.ask(jws);
        const isTaken = said === 'passes' || GENUINE.has(said);
        if (result === 'acceptable' || isTaken === (result === 'valid')) cases.push(passed(title));
        else cases.push(failed(title, `is ${result}, and the filter says: ${said}`));
      }
    }
  }
  return cases;
}

/** Asks a gateway that has this key, or these, and no others; a key that it does not take refuses all. */
async function verifierOf(key: Key): Promise<{ ask(jws: string): Promise<string> } & AsyncDisposable> {
  const keys = Array.isArray(key['keys']) ? key['keys'] : [key];
  const jwt = { type: 'jwt', issuer: 'conformance', audience: 'conformance', keys, cache: 0 };
  const gateway = await gatewayAtTest({
    routes: [{ name: 'all', to: 'nobody' }],
    clusters: { nobody: { endpoints: ['http://127.0.0.1:1'] } },
    filters: [jwt],
  });
  return {
    ask: (jws) => reasonOf(gateway.port, jws),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** The reason of a refusal, or `passes`. */
function reasonOf(port: number, jws: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let asked;
    try {
      asked = request({ port, host: '127.0.0.1', agent: false, headers: { authorization: `Bearer ${jws}` } });
    } catch {
      // No client can put it into a field.
      return resolve('no field value');
    }
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        // `as`: a problem document of ours.
        const { reason, code } = JSON.parse(text) as { readonly reason?: string; readonly code: string };
        // Nobody listens behind the gateway: whoever is told so has passed.
        if (code === 'UPSTREAM_UNAVAILABLE') return resolve('passes');
        return resolve(reason ?? code);
      });
    });
    asked.end();
  });
}
