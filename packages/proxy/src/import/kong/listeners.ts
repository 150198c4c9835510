import type { WrittenSnapshot } from '../imported.ts';
import type { Entities } from './entities.ts';
import type { KongReport } from './kong-report.ts';

type WrittenListener = WrittenSnapshot['listeners'][number];

/** Kong's port for requests without TLS. */
export function listenersOf({ certificates, services, routes }: Entities, report: KongReport): WrittenListener[] {
  const isGrpc = [
    ...services.map(({ value }) => [value.protocol ?? '', value.url ?? '']),
    ...routes.map(({ value }) => value.protocols ?? []),
  ].some((texts) => texts.some((text) => /^grpcs?(?::|$)/.test(text)));
  for (const { value, place } of certificates) {
    if (value.key === undefined) report.refuse(place, 'is a certificate without its key; write key');
    if (value.cert === undefined) report.refuse(place, 'is a key without its certificate; write cert');
    if (value.cert !== undefined && value.key !== undefined)
      report.note(
        place,
        'certificates',
        'are left out, and nobody listens at 8443: certificates are files here, so write them beside the imported form and name them in a listener’s tls',
      );
  }
  const plain: WrittenListener = { name: 'http', address: '0.0.0.0:8000', ...(isGrpc ? { http2: true } : {}) };
  return [plain];
}
