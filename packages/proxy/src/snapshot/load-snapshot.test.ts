import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FairleadError, virtualClock } from '@fairlead/core';
import { testCertificate } from '@fairlead/net/testing';
import { expect, test } from 'vitest';
import { snapshotWarnings } from '../explain/snapshot-warnings.ts';
import { loadSnapshot } from './load-snapshot.ts';

const clock = virtualClock({ startMs: Date.UTC(2030, 0, 1) });
const GOOD = testCertificate({ names: ['shop.test', '*.shop.test'] });
const OLD = testCertificate({ names: ['old.test'], notAfter: new Date('2029-12-31T00:00:00Z') });
const ENDING = testCertificate({ names: ['ending.test'], notAfter: new Date('2030-01-11T12:00:00Z') });

async function world() {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-load-'));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  for (const [name, made] of Object.entries({ good: GOOD, old: OLD, ending: ENDING })) {
    await write(`${name}.crt`, made.cert);
    await write(`${name}.key`, made.key);
  }
  await write('eab.key', 'c2VjcmV0');
  return {
    folder,
    async load(tls: string, more = '') {
      await write(
        'gateway.yaml',
        `listeners:
  - name: door
    address: 127.0.0.1:0
    tls:
${tls.replaceAll(/^/gm, '      ')}
${more}
routes: [{ name: all, filters: [{ type: respond, status: 204 }] }]
clusters: {}
`,
      );
      return loadSnapshot(join(folder, 'gateway.yaml'), { clock, origin: 'gateway.yaml' });
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

test('certificates are looked for beside the file, one or several', async () => {
  await using files = await world();
  const tlsOf = async (text: string) => (await files.load(text)).listeners[0]?.tls;
  const single = await tlsOf('certificate: good.crt\nkey: good.key');
  expect(single?.certificates).toMatchObject([{ certificate: join(files.folder, 'good.crt'), names: undefined }]);
  const several = await tlsOf(`certificates:
  - { certificate: ending.crt, key: ending.key }
  - { certificate: good.crt, key: good.key, names: [A.shop.test] }`);
  expect(several?.certificates.map(({ names }) => names)).toEqual([undefined, ['a.shop.test']]);
});

test.each<readonly [what: string, tls: string, problem: string]>([
  [
    'a certificate without its key',
    'certificate: good.crt',
    '5:7: listeners[0].tls: has a certificate without its key',
  ],
  ['a key without its certificate', 'key: good.key', '5:7: listeners[0].tls: has a key without its certificate'],
  ['no certificate at all', "min: '1.3'", '5:7: listeners[0].tls: has no certificate'],
  [
    'both forms',
    'certificate: good.crt\nkey: good.key\ncertificates: [{ certificate: old.crt, key: old.key }]',
    '5:20: listeners[0].tls.certificate: stands beside "certificates"',
  ],
  ['a file that is not there', 'certificate: none.crt\nkey: good.key', '5:20: listeners[0].tls.certificate: '],
  ['a key that is not there', 'certificate: good.crt\nkey: none.key', '6:12: listeners[0].tls.key: '],
  ['the key of another', 'certificate: good.crt\nkey: old.key', '5:20: listeners[0].tls.certificate: '],
  [
    'one that has ended, as the second of a list',
    'certificates:\n  - { certificate: good.crt, key: good.key }\n  - { certificate: old.crt, key: old.key }',
    '7:26: listeners[0].tls.certificates[1].certificate: ',
  ],
  [
    'a name that it is not for',
    'certificates: [{ certificate: good.crt, key: good.key, names: [else.test] }]',
    '5:37: listeners[0].tls.certificates[0].certificate: ',
  ],
])('%s is told with its line', async (_what, tls, problem) => {
  await using files = await world();
  const error = await files.load(tls).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FairleadError);
  expect(error).toMatchObject({ code: 'SNAPSHOT_INVALID' });
  expect((error as FairleadError).message).toContain(`gateway.yaml:${problem}`);
});

test.each<readonly [what: string, acme: string, problem: string]>([
  ['terms that nobody has agreed to', 'names: [a.test], storage: acme', "the authority's terms of service are yours"],
  ['a wildcard', "names: ['*.a.test'], storage: acme, agreedToTerms: true", 'needs the challenge dns-01'],
  [
    'a directory without TLS',
    'names: [a.test], storage: acme, agreedToTerms: true, directory: http://a/d',
    'https URL',
  ],
  ['no name', 'names: [], storage: acme, agreedToTerms: true', 'at least 1'],
  ['an address that is none', 'names: [a.test], storage: a, agreedToTerms: true, contact: [me]', 'address of e-mail'],
])('of an authority, %s is refused', async (_what, acme, problem) => {
  await using files = await world();
  await expect(files.load(`acme: { ${acme} }`)).rejects.toThrow(problem);
});

test('an authority has a directory by name or by URL, and folders beside the file', async () => {
  await using files = await world();
  const { listeners } = await files.load(
    'acme: { names: [A.test], storage: acme, agreedToTerms: true, directory: letsencrypt-staging, eab: { keyId: k, key: eab.key } }',
  );
  expect(listeners[0]?.tls?.acme).toEqual({
    directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
    contact: [],
    names: ['a.test'],
    storage: join(files.folder, 'acme'),
    eab: { keyId: 'k', key: join(files.folder, 'eab.key') },
    authority: undefined,
  });
});

test('a certificate that ends soon is warned of, and an authority that nobody would answer', async () => {
  await using files = await world();
  const warnings = async (tls: string, more = '') => snapshotWarnings(await files.load(tls, more));
  expect(await warnings('certificate: good.crt\nkey: good.key')).toEqual([]);
  expect(await warnings('certificate: ending.crt\nkey: ending.key')).toEqual([
    `the certificate ${join(files.folder, 'ending.crt')} of the listener door ends in 10 days, on 2030-01-11T12:00:00.000Z; renew it`,
  ]);
  const acme = 'acme: { names: [a.test], storage: acme, agreedToTerms: true }';
  expect(await warnings(acme)).toEqual([
    'the listener door has its certificate issued, and no listener without TLS answers at port 80, where the authority asks for the proof',
  ]);
  expect(await warnings(acme, "  - { name: plain, address: '127.0.0.1:0' }")).toEqual([]);
});
