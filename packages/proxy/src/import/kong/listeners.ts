import type { Place } from '../../snapshot/snapshot-problem.ts';
import type { WrittenSnapshot } from '../imported.ts';
import type { Entities } from './entities.ts';
import type { KongReport } from './kong-report.ts';

type WrittenListener = WrittenSnapshot['listeners'][number];

/** Kong's ports: 8000, and 8443 when there is a certificate. */
export function listenersOf(
  { certificates, services, routes }: Entities,
  _wrote: (part: object, place: Place) => void,
  report: KongReport,
): WrittenListener[] {
  const isGrpc = [
    ...services.map(({ value }) => [value.protocol ?? '', value.url ?? '']),
    ...routes.map(({ value }) => value.protocols ?? []),
  ].some((texts) => texts.some((text) => /^grpcs?(?::|$)/.test(text)));
  for (const { value, place } of certificates) {
    if (value.key === undefined) report.refuse(place, 'is a certificate without its key; write key');
    if (value.cert === undefined) report.refuse(place, 'is a key without its certificate; write cert');
  }
  const plain: WrittenListener = { name: 'http', address: '0.0.0.0:8000', ...(isGrpc ? { http2: true } : {}) };
  return [plain];
}
