/** Whether a caller built against `wanted` can talk to a provider at `offered`, and if not, why. */
export type VersionVerdict =
  | { readonly kind: 'compatible' }
  | { readonly kind: 'incompatible'; readonly reason: string };

const COMPATIBLE: VersionVerdict = { kind: 'compatible' };

/**
 * Compares versions as https://semver.org does: the same major, and for 0.x the same minor, and the provider not older
 * than what the caller was built against. Versions of another form must be equal.
 */
export function compareVersions(wanted: string, offered: string): VersionVerdict {
  if (wanted === offered) return COMPATIBLE;
  const want = parse(wanted);
  const offer = parse(offered);
  if (want === undefined || offer === undefined)
    return incompatible('they are not equal, and not both semantic versions');
  if (want[0] !== offer[0]) return incompatible('another major version breaks callers');
  if (want[0] === 0 && want[1] !== offer[1]) return incompatible('below 1.0, another minor version breaks callers');
  for (const [index, part] of want.entries()) {
    const other = offer[index] ?? 0;
    if (part < other) return COMPATIBLE;
    if (part > other) return incompatible('the provider is older than what the caller was built against');
  }
  return COMPATIBLE;
}

function incompatible(reason: string): VersionVerdict {
  return { kind: 'incompatible', reason };
}

function parse(version: string): readonly [number, number, number] | undefined {
  const match = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[-+].*)?$/.exec(version);
  return match === null ? undefined : [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
}
