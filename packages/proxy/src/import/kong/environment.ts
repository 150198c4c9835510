import type { Place } from '../../snapshot/snapshot-problem.ts';
import type { KongReport } from './kong-report.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One line's worth of a text that can't be filled in. */
export interface EnvironmentFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const TEMPLATE = /\$\{\{(.*?)\}\}/g;
const ENV = /^\s*env\s+"([^"]+)"\s*(?:\|\s*(toInt|toBool|toFloat|quote)\s*)?$/;

/**
 * Fills in decK's templates, `${{ env "DECK_…" }}`, in the text as decK does, so that a value without quotes may be a number. The
 * lines stay what they are; comments stay as they are.
 */
export function filledIn(
  text: string,
  env: Environment,
): { readonly text: string; readonly faults: readonly EnvironmentFault[] } {
  if (!text.includes('${{')) return { text, faults: [] };
  const faults: EnvironmentFault[] = [];
  const lines = text.split('\n').map((line, index) => {
    if (/^\s*#/.test(line)) return line;
    return line.replaceAll(TEMPLATE, (whole, inside: string, at: number) => {
      const [, name, as] = ENV.exec(inside) ?? [];
      const value = name === undefined ? undefined : env[name];
      const message =
        name === undefined
          ? `${whole} is more than a variable; write \${{ env "DECK_…" }}`
          : !name.startsWith('DECK_')
            ? `${name} does not begin with DECK_, which decK asks for`
            : value === undefined
              ? `the environment has no ${name}; set it`
              : value.includes('\n')
                ? `${name} holds several lines; write {vault://env/${name.toLowerCase().replaceAll('_', '-')}}`
                : undefined;
      if (message === undefined && value !== undefined) return as === 'quote' ? JSON.stringify(value) : value;
      faults.push({ line: index + 1, column: at + 1, message: message ?? '' });
      return whole;
    });
  });
  return { text: lines.join('\n'), faults };
}

const REFERENCE = /^\{vault:\/\/([^/}]+)\/([^/}?#]+)(?:\/([^}?#]+))?[^}]*\}$/;

/** Parts of a file that are left out here, whatever they hold: nobody must set variables for them. */
const UNUSED: ReadonlySet<unknown> = new Set(['certificates', 'ca_certificates', 'snis', 'vaults', 'keys', 'key_sets']);

/**
 * The same value with its references to the environment resolved, `{vault://env/NAME}`, and without what is null, which says
 * what saying nothing says. What certificates refer to stays as it is written, since they are not read here.
 */
export function resolved(
  value: unknown,
  env: Environment,
  vaults: ReadonlyMap<string, string>,
  report: KongReport,
  place: Place = [],
): unknown {
  if (typeof value === 'string')
    return REFERENCE.test(value) && !UNUSED.has(place[0]) ? referred(value, env, vaults, report, place) : value;
  if (Array.isArray(value)) return value.map((each, at) => resolved(each, env, vaults, report, [...place, at]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === null || each === undefined ? [] : [[key, resolved(each, env, vaults, report, [...place, key])]],
    ),
  );
}

function referred(
  text: string,
  env: Environment,
  vaults: ReadonlyMap<string, string>,
  report: KongReport,
  place: Place,
): string {
  const [, vault = '', name = '', inside] = REFERENCE.exec(text) ?? [];
  const prefix = vault === 'env' ? '' : vaults.get(vault);
  if (prefix === undefined) {
    report.refuse(place, `refers to the vault ${vault}; only the environment is read here: {vault://env/NAME}`);
    return '';
  }
  const variable = `${prefix}${name}`.toUpperCase().replaceAll('-', '_');
  const value = env[variable];
  const found = value === undefined || inside === undefined ? value : memberOf(value, inside);
  if (found === undefined)
    report.refuse(
      place,
      value === undefined
        ? `refers to ${variable}, which the environment has not; set it`
        : `refers to ${inside} in ${variable}, which holds no JSON with that`,
    );
  return found ?? '';
}

function memberOf(json: string, key: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    // `as`: it is an object that has the member.
    const member = (value as Readonly<Record<string, unknown>>)[key];
    return typeof member === 'string' ? member : JSON.stringify(member);
  } catch {
    return undefined;
  }
}
