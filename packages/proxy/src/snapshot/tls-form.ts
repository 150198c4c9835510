import { z } from 'zod';
import { hostName } from './names.ts';

/** Directories that have a name (RFC 8555, section 7.1.1). */
const DIRECTORIES: Readonly<Record<string, string>> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

const certificateFile = z.string().min(1).describe('A PEM file, with the whole chain. Relative to this file.');
const keyFile = z.string().min(1).describe('A PEM file. Relative to this file.');

const certificateForm = z.strictObject({
  certificate: certificateFile,
  key: keyFile,
  names: z
    .array(hostName)
    .min(1)
    .optional()
    .describe('Names that it answers to, of those that it has. Default: all of them.'),
});

const directory = z
  .string()
  .default('letsencrypt')
  .transform((text, context) => {
    const known = DIRECTORIES[text];
    if (known !== undefined) return known;
    if (/^https:\/\/[^/]/.test(text) && URL.canParse(text)) return text;
    const message = `must be ${Object.keys(DIRECTORIES).join(', ')} or an https URL, not ${JSON.stringify(text)}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .describe('letsencrypt (the default), letsencrypt-staging (to try it out), or the URL of a directory.');

const acmeName = hostName.superRefine((name, context) => {
  if (!name.startsWith('*.')) return;
  const message = `needs the challenge dns-01, which there is not: write each name, or give a certificate for ${name}`;
  context.addIssue({ code: 'custom', message });
});

const acmeForm = z
  .strictObject({
    directory,
    contact: z
      .array(z.string().regex(/^[^\s@:]+@[^\s@]+$/, 'must be an address of e-mail, such as ops@shop.test'))
      .default([])
      .describe('Whom the authority writes to. Default nobody.'),
    agreedToTerms: z
      .literal(true, { error: "must be true: the authority's terms of service are yours to agree to" })
      .describe("That you agree to the authority's terms of service."),
    names: z.array(acmeName).min(1).max(100).describe('What the certificate is for.'),
    storage: z.string().min(1).describe('A folder for keys and certificates that is kept. Relative to this file.'),
    challenge: z.literal('http-01').default('http-01').describe('Needs a plain listener that port 80 leads to.'),
    eab: z
      .strictObject({
        keyId: z.string().min(1),
        key: z.string().min(1).describe('A file with the key, as the authority gave it. Relative to this file.'),
      })
      .optional()
      .describe('What binds the account to one that you have there already.'),
    authority: z
      .string()
      .min(1)
      .optional()
      .describe("A PEM file: what the directory's own certificate is signed by. Default: the system's."),
  })
  .transform(({ challenge: _only, agreedToTerms: _true, ...meant }) => meant);

const authorityFile = z
  .string()
  .min(1)
  .describe("A PEM file of the authorities that clients' certificates need. Relative to this file.");

const clientsForm = z.union([
  authorityFile.transform((authority) => ({ authority, required: true })),
  z.strictObject({
    authority: authorityFile,
    required: z
      .boolean()
      .default(true)
      .describe('Whether who shows none is cut. Else routes say who needs one, by a filter client-certificate.'),
  }),
]);

/** A listener's TLS, as people write it. */
export const tlsForm = z
  .strictObject({
    certificate: certificateFile.optional(),
    key: keyFile.optional(),
    certificates: z
      .array(certificateForm)
      .min(1)
      .optional()
      .describe('Several, chosen by the name that a client asks for; the first one answers to all others.'),
    acme: acmeForm.optional().describe('A certificate that an authority issues by itself (RFC 8555).'),
    clients: clientsForm.optional(),
    min: z.enum(['1.2', '1.3'], { error: 'must be "1.2" or "1.3"' }).default('1.2'),
  })
  .transform(({ certificate, key, certificates, acme, clients, min }, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (certificate !== undefined && key === undefined) fault([], 'has a certificate without its key: add "key"');
    if (key !== undefined && certificate === undefined)
      fault([], 'has a key without its certificate: add "certificate"');
    if (certificate !== undefined && certificates !== undefined)
      fault(['certificate'], 'stands beside "certificates": put it into that list');
    if (certificate === undefined && key === undefined && certificates === undefined && acme === undefined)
      fault([], 'has no certificate: add "certificate" and "key", "certificates", or "acme"');
    const single =
      certificate === undefined || key === undefined ? [] : [{ certificate, key, names: undefined, at: [] }];
    const listed = certificates?.map((each, at) => ({ ...each, names: each.names, at: ['certificates', at] }));
    return { certificates: listed ?? single, acme, clients, min };
  });
