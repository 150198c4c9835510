/** How bodies are made smaller, by the names of RFC 9110 and RFC 8878. */
export type Coding = 'zstd' | 'br' | 'gzip';

/** What a client takes: one of the codings, or the body as it is; `isNeeded` when it does not take it as it is. */
export type Accepted = { readonly coding: Coding; readonly isNeeded: boolean } | undefined;

const QUALITY = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * Chooses by `Accept-Encoding` (RFC 9110, section 12.5.3): the coding of the highest quality, of equal ones the first of `ours`. Without the
 * field, or where the body as it is is wanted rather, there is none; nor where all that we have is refused, for then the body
 * goes as it is, as it would without us. Members that are malformed are passed over.
 */
export function acceptedCoding(field: string | undefined, ours: readonly Coding[]): Accepted {
  if (field === undefined) return undefined;
  const qualities = qualitiesOf(field);
  const rest = qualities.get('*');
  // Whoever says nothing of it takes the body as it is, after all that is named.
  const plain = qualities.get('identity') ?? (rest === 0 ? 0 : undefined);
  let best: Coding | undefined;
  let bestQuality = 0;
  for (const coding of ours) {
    const quality = qualities.get(coding) ?? (coding === 'gzip' ? qualities.get('x-gzip') : undefined) ?? rest ?? 0;
    if (quality <= bestQuality) continue;
    best = coding;
    bestQuality = quality;
  }
  if (best === undefined || (plain !== undefined && plain > bestQuality)) return undefined;
  return { coding: best, isNeeded: plain === 0 };
}

function qualitiesOf(field: string): ReadonlyMap<string, number> {
  const qualities = new Map<string, number>();
  for (const member of field.split(',')) {
    const [name = '', weight, ...more] = member.split(';').map((part) => part.trim());
    const digits = weight === undefined ? '1' : QUALITY.exec(weight)?.[1];
    if (name === '' || digits === undefined || more.length > 0) continue;
    qualities.set(name.toLowerCase(), Number(digits));
  }
  return qualities;
}
