import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { testCertificate } from '@fairlead/net/testing';
import { findProgram, requireProgram } from './programs.ts';
import type { ServerKind } from './server.ts';

/**
 * Pebble, the test server of ACME (RFC 8555) by Let's Encrypt, with names that all resolve to 127.0.0.1. It asks for proofs of http-01 at the
 * port `httpPort` of `pebble.json`, rejects a third of all nonces, and issues nothing that anybody trusts. Its own certificate is
 * `authority.pem`; `https://127.0.0.1:{managementPort}/roots/0` has what it signs with.
 */
export const pebble: ServerKind = {
  name: 'pebble',
  packages: ['pebble'],
  elsewhere: 'go install github.com/letsencrypt/pebble/v2/cmd/...@latest',
  installed: () => findProgram('pebble') !== undefined && findProgram('pebble-challtestsrv') !== undefined,
  async prepare({ dataDir, freePort }) {
    const [port, managementPort, httpPort, tlsPort, dnsPort, dnsManagementPort] = await Promise.all(
      Array.from({ length: 6 }, freePort),
    );
    const { cert, key } = testCertificate({ names: ['localhost'], addresses: ['127.0.0.1'] });
    writeFileSync(join(dataDir, 'authority.pem'), cert);
    writeFileSync(join(dataDir, 'key.pem'), key);
    const file = join(dataDir, 'pebble.json');
    writeFileSync(
      file,
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${port}`,
          managementListenAddress: `127.0.0.1:${managementPort}`,
          certificate: join(dataDir, 'authority.pem'),
          privateKey: join(dataDir, 'key.pem'),
          httpPort,
          tlsPort,
          externalAccountBindingRequired: false,
        },
      }),
    );
    const none = ['-http01', '', '-https01', '', '-tlsalpn01', ''];
    const dns = ['-defaultIPv6', '', '-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagementPort}`];
    return {
      url: `https://127.0.0.1:${port}/dir`,
      commands: [
        { file: requireProgram('pebble-challtestsrv'), args: [...none, ...dns] },
        {
          file: requireProgram('pebble'),
          args: ['-config', file, '-dnsserver', `127.0.0.1:${dnsPort}`, '-strict'],
          env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '33', PEBBLE_AUTHZREUSE: '0' },
        },
      ],
    };
  },
  greet: (url, timeoutMs) =>
    new Promise((resolve, reject) => {
      // Nothing secret is said, and its certificate is in a folder that is not known here.
      const asked = request(url, { agent: false, rejectUnauthorized: false, timeout: timeoutMs }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('error', reject);
        answer.on('end', () =>
          text.includes('newOrder') ? resolve('newOrder') : reject(new Error(`${url} is no directory: ${text}`)),
        );
      });
      asked.on('timeout', () => asked.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      asked.on('error', reject);
      asked.end();
    }),
};
