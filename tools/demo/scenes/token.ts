import { fairlead } from '../command.ts';
import { must } from '../stage.ts';
import type { Narrator } from '../narrator.ts';
import type { Shop } from '../shop.ts';

/** A development token, as the gateway wants one. */
export async function tokenIsMinted(shop: Shop, narrator: Narrator, signal: AbortSignal): Promise<string> {
  narrator.scene('token', 'A token: fairlead token --tenant acme --subject demo --role support');
  const flags = ['--tenant', 'acme', '--subject', 'demo', '--role', 'support', '--data-dir', shop.dataDir];
  const token = (await fairlead(['token', ...flags], signal)).trim();
  const [head = '', body = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('utf8'));
  // What the command has just signed.
  const { alg } = JSON.parse(head) as { alg: string };
  const claims = JSON.parse(body) as { tenant: string; sub: string; roles: string[]; exp: number; iat: number };
  narrator.say(
    `${alg}-signed for ${claims.sub} of ${claims.tenant}, roles ${claims.roles.join(', ')}, good for ${Math.round((claims.exp - claims.iat) / 60)} min`,
    { tenant: claims.tenant, subject: claims.sub, roles: claims.roles },
  );
  const refused = await fetch(`${shop.gatewayUrl}/catalog`, { signal });
  const admitted = await fetch(`${shop.gatewayUrl}/catalog`, { headers: { authorization: `Bearer ${token}` }, signal });
  must(refused.status === 401 && admitted.status === 200, 'the gateway asks for a token and takes this one');
  narrator.say(`GET /catalog: ${refused.status} without it, ${admitted.status} with it`);
  return token;
}
