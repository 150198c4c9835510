import type { ClientCertificate } from '@fairlead/net';
import { z } from 'zod';
import type { Filter, FilterFactory, Identity, LocalAnswer, Passage, Verdict } from '../../engine/filter.ts';
import { ProvenIdentity } from '../../engine/proven-identity.ts';
import type { FilterKind } from '../../snapshot/filter-kind.ts';
import { starPattern } from './star-pattern.ts';

const name = z.string().min(1);
const fingerprint = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .refine((text) => /^[0-9a-f]{64}$/.test(text), { message: 'must be the 64 hexadecimal digits of a SHA-256' });

const schema = z.strictObject({
  type: z.literal('client-certificate'),
  allow: z
    .array(
      z
        .strictObject({
          uri: name.optional().describe('Such as spiffe://shop.test/ns/*/sa/billing; * is one segment.'),
          name: name.optional().describe('A name of a host; * is one label.'),
          email: name.optional().describe('* is anything but @.'),
          subject: name.optional().describe('Such as O=Shop, CN=*; * is anything but a comma.'),
          fingerprint: fingerprint.optional().describe('SHA-256 of the certificate.'),
          consumer: name.optional().describe('Who it is. Default: what the certificate is for.'),
          tenant: name.optional(),
          roles: z.array(name).optional(),
          scopes: z.array(name).optional(),
        })
        .refine(
          (one) => [one.uri, one.name, one.email, one.subject, one.fingerprint].some((each) => each !== undefined),
          {
            message: 'would be every certificate: write uri, name, email, subject or fingerprint',
          },
        ),
    )
    .min(1)
    .optional()
    .describe('Whose certificates; all that one of them says must fit. Default: every one that the listener trusts.'),
  forward: z
    .boolean()
    .optional()
    .describe('Whether the certificate goes upstream, as Client-Cert (RFC 9440). Default false.'),
  optional: z.boolean().optional().describe('Whether who shows none passes, as nobody. Default false.'),
});

type CertificateSpec = z.output<typeof schema>;
type Allowed = NonNullable<CertificateSpec['allow']>[number];

/** Fields of RFC 9440. */
const OWN = ['client-cert', 'client-cert-chain'];
const MISSING: LocalAnswer = {
  status: 401,
  cause: 'CERTIFICATE_MISSING',
  detail: 'Show a certificate when you connect.',
};
const EXPIRED: LocalAnswer = {
  status: 401,
  cause: 'CERTIFICATE_EXPIRED',
  detail: 'The certificate has ended since this connection began. Connect anew with another.',
};
const REFUSED: LocalAnswer = {
  status: 403,
  cause: 'CERTIFICATE_REFUSED',
  detail: 'Whoever this certificate is for may not have this.',
};

/** Knows clients by the certificates that they have shown when they connected. */
const make: FilterFactory<CertificateSpec> = ({ allow, forward = false, optional = false }, world) => {
  const entries = allow?.map((allowed) => ({ allowed, fits: fitting(allowed) }));
  // A certificate serves many requests.
  const identities = new WeakMap<ClientCertificate, Identity>();
  const identify = (certificate: ClientCertificate): Identity | undefined => {
    const known = identities.get(certificate);
    if (known !== undefined) return known;
    const entry = entries?.find(({ fits }) => fits(certificate));
    if (entries !== undefined && entry === undefined) return undefined;
    const identity = identityOf(certificate, entry?.allowed);
    identities.set(certificate, identity);
    return identity;
  };
  const filter: Filter = {
    type: 'client-certificate',
    request(passage: Passage): Verdict {
      // Only who ends TLS knows.
      for (const field of OWN) passage.setUpstream(field, undefined);
      const proof = passage.clientProof;
      if (proof === undefined) return optional ? undefined : MISSING;
      if (proof.kind === 'untrusted') return untrusted(proof.reason);
      const { certificate } = proof;
      if (certificate.expiresAt <= world.clock.now()) return EXPIRED;
      const identity = identify(certificate);
      if (identity === undefined) return REFUSED;
      passage.identity = identity;
      if (forward) passage.setUpstream('client-cert', `:${certificate.der.toString('base64')}:`);
      return undefined;
    },
  };
  return filter;
};

function untrusted(reason: string): LocalAnswer {
  const detail = 'The certificate is none that is trusted here.';
  return { status: 401, cause: 'CERTIFICATE_UNTRUSTED', detail, members: { reason } };
}

function fitting(allowed: Allowed): (certificate: ClientCertificate) => boolean {
  const uri = allowed.uri === undefined ? undefined : starPattern(allowed.uri, '/');
  const host = allowed.name === undefined ? undefined : starPattern(allowed.name.toLowerCase(), '.');
  const email = allowed.email === undefined ? undefined : starPattern(allowed.email, '@');
  const subject = allowed.subject === undefined ? undefined : starPattern(allowed.subject, ',');
  return (certificate) =>
    (uri === undefined || certificate.uris.some(uri)) &&
    (host === undefined || certificate.names.some(host)) &&
    (email === undefined || certificate.emails.some(email)) &&
    (subject === undefined || subject(certificate.subject)) &&
    (allowed.fingerprint === undefined || allowed.fingerprint === certificate.fingerprint);
}

/** Who it is: by its alternative names, as RFC 9525 has it; by its subject only where there are none. */
function identityOf(certificate: ClientCertificate, allowed: Allowed | undefined): Identity {
  const { uris, names, emails, subject, serial, fingerprint: print, expiresAt } = certificate;
  const who = uris[0] ?? names[0] ?? emails[0] ?? subject;
  return new ProvenIdentity({
    consumer: allowed?.consumer ?? who,
    subject: who,
    tenant: allowed?.tenant,
    roles: allowed?.roles ?? [],
    scopes: allowed?.scopes ?? [],
    claims: { subject, uris, names, emails, serial, fingerprint: print, exp: Math.floor(expiresAt / 1_000) },
  });
}

/** `client-certificate`: who asks, by the certificate of the connection. */
export const clientCertificateKind: FilterKind<CertificateSpec> = {
  type: 'client-certificate',
  open: [
    'allow.*.uri',
    'allow.*.name',
    'allow.*.email',
    'allow.*.subject',
    'allow.*.fingerprint',
    'allow.*.consumer',
    'allow.*.tenant',
    'allow.*.roles.*',
    'allow.*.scopes.*',
  ],
  schema,
  identifies: true,
  owns: () => OWN,
  explain({ allow, optional }) {
    const whose = (allow ?? []).map(
      ({ consumer, uri, name: host, email, subject, fingerprint: print }) =>
        consumer ?? uri ?? host ?? email ?? subject ?? print,
    );
    return `${optional === true ? 'takes' : 'needs'} a certificate of ${whose.length === 0 ? 'anybody whom the listener trusts' : whose.join(', ')}`;
  },
  make,
};
