/** A known weakness that is lived with for a while. */
export interface AuditException {
  /** Last part of the advisory's address, such as `GHSA-xxxx-xxxx-xxxx`. */
  readonly advisory: string;
  /** Why it can't hurt here. */
  readonly reason: string;
  /** `YYYY-MM-DD`: from that day on it counts again. */
  readonly expires: string;
}

/** What an audit came to. */
export type AuditVerdict =
  | { readonly kind: 'done'; readonly problems: readonly string[] }
  | { readonly kind: 'did-not-run'; readonly why: string };

interface Advisory {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
}

const SERIOUS = ['high', 'critical'];
/** Licences under which a dependency of a published package may come; each lets its users do as ours does. */
const LICENCES = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'BlueOak-1.0.0'];

/**
 * Reads what `npm audit --json` printed: serious advisories that no exception covers, and exceptions that are
 * incomplete, over, or cover nothing. Anything but a report means that the audit did not run.
 * @param today `YYYY-MM-DD`
 */
export function readAudit(output: string, exceptions: readonly AuditException[], today: string): AuditVerdict {
  const report = parsed(output);
  const found = report?.['vulnerabilities'];
  if (typeof found !== 'object' || found === null) {
    const message = report?.['message'];
    return { kind: 'did-not-run', why: typeof message === 'string' ? message : 'npm audit printed no report' };
  }
  const serious = Object.values(found as Record<string, { readonly via?: readonly unknown[] }>)
    .flatMap(({ via = [] }) => via)
    .filter(isAdvisory)
    .filter(({ severity }) => SERIOUS.includes(severity));
  const unique = [...new Map(serious.map((advisory) => [idOf(advisory), advisory])).values()];
  const standing = new Set(
    exceptions.filter(({ reason, expires }) => reason !== '' && expires > today).map(({ advisory }) => advisory),
  );
  return {
    kind: 'done',
    problems: [
      ...unique
        .filter((advisory) => !standing.has(idOf(advisory)))
        .map(({ name, severity, title, url }) => `${name}: ${severity}: ${title} (${url}). Update it.`),
      ...exceptions.flatMap(({ advisory, reason, expires }) => {
        const at = `tools/audit-exceptions.json: ${advisory}`;
        if (reason === '') return [`${at} has no reason.`];
        if (!(expires > today)) return [`${at} expired on ${expires}. Update the dependency, or argue anew.`];
        return unique.some((known) => idOf(known) === advisory) ? [] : [`${at} is not needed any more. Remove it.`];
      }),
    ],
  };
}

/** Production dependencies in a lockfile whose licence is missing or not on the list. */
export function licenceProblems(lockfile: string): string[] {
  // npm's lockfile, version 3: `packages` by path; `dev` marks what no published package needs.
  const { packages } = JSON.parse(lockfile) as {
    packages: Record<string, { readonly dev?: boolean; readonly link?: boolean; readonly license?: string }>;
  };
  return Object.entries(packages).flatMap(([path, { dev = false, link = false, license }]) => {
    if (!path.includes('node_modules/') || dev || link || isAllowed(license)) return [];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return [`${name} has the licence ${license ?? '(none)'}, which is not one of ${LICENCES.join(', ')}.`];
  });
}

/** One of the list, or an SPDX choice (`OR`) with one of the list in it. */
function isAllowed(license: string | undefined): boolean {
  return (license ?? '')
    .replaceAll(/^\(|\)$/g, '')
    .split(' OR ')
    .some((choice) => LICENCES.includes(choice));
}

const idOf = ({ url }: Advisory): string => url.slice(url.lastIndexOf('/') + 1);

function isAdvisory(value: unknown): value is Advisory {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string';
}

function parsed(output: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(output);
    // A JSON object has string keys; its values are looked at one by one.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
