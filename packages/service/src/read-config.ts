import { readFileSync } from 'node:fs';
import type { ConfigShape, ConfigValues, Field } from './config.ts';
import { fail } from './errors.ts';
import { Secret } from './secret.ts';

/** Where configuration comes from. */
export interface ConfigSource {
  /** Name of the service, for messages. */
  readonly service: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file as UTF-8. Default: from the disk. */
  readonly readFile?: ((path: string) => string) | undefined;
  /** Is told every secret's value, so that telemetry can remove it wherever it turns up. */
  readonly onSecret?: (value: string) => void;
}

/**
 * Reads and checks a whole configuration. For each field the variable counts; if it is empty or not set, the file that
 * `<variable>_FILE` names (without line ends at its end); then the default.
 * @throws MISCONFIGURED with every problem at once: service, variable, what is wrong and what to set. No value of a
 * secret is ever in it.
 */
export function readConfig<Config extends ConfigShape>(shape: Config, source: ConfigSource): ConfigValues<Config> {
  const problems: string[] = [];
  const values = Object.entries(shape).map(([name, field]) => {
    const found = readField(field, source);
    if (found.kind === 'problem') problems.push(found.problem);
    else if (found.value instanceof Secret) source.onSecret?.(found.value.reveal());
    return [name, found.kind === 'problem' ? undefined : found.value] as const;
  });
  if (problems.length > 0) {
    const many = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    throw fail(
      'MISCONFIGURED',
      `${source.service}: ${many} with its configuration.\n${problems.map((p) => `  ${p}`).join('\n')}`,
      {
        details: { service: source.service, problems },
      },
    );
  }
  // Every field of the shape was read with its own parser, so each value has its field's type.
  return Object.freeze(Object.fromEntries(values)) as ConfigValues<Config>;
}

type Found =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'problem'; readonly problem: string };

function readField(field: Field<unknown>, source: ConfigSource): Found {
  const direct = textOf(source.env[field.env]);
  const fileVariable = `${field.env}_FILE`;
  const file = textOf(source.env[fileVariable]);
  if (direct !== undefined && file !== undefined) {
    return problem(field, field.env, `is set, and so is ${fileVariable}. Keep one of the two.`);
  }
  if (direct !== undefined) return parse(field, field.env, direct);
  if (file === undefined) {
    if (field.fallback !== undefined) return { kind: 'value', value: field.fallback.value };
    return problem(
      field,
      field.env,
      `is not set. Set it to ${field.expected}, or ${fileVariable} to a file that holds it.`,
    );
  }
  let content: string | undefined;
  try {
    content = textOf((source.readFile ?? fromDisk)(file).replace(/[\r\n]+$/, ''));
  } catch (error) {
    // The error's own text may quote what was read; its code says enough.
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it failed';
    return problem(
      field,
      fileVariable,
      `names ${file}, which can't be read (${code}). Let it name a readable file that holds ${field.expected}.`,
    );
  }
  if (content === undefined)
    return problem(field, fileVariable, `names ${file}, which is empty. Write ${field.expected} into it.`);
  return parse(field, fileVariable, content);
}

function parse(field: Field<unknown>, variable: string, text: string): Found {
  const parsed = field.parse(text);
  if (parsed.kind === 'value') return parsed;
  const shown = field.secret ? '' : ` is ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)}, but`;
  return problem(field, variable, `${shown.trimStart()} ${parsed.problem}.`.trimStart());
}

function problem(field: Field<unknown>, variable: string, text: string): Found {
  const about = field.describe === undefined ? '' : ` (${field.describe})`;
  return { kind: 'problem', problem: `${variable} ${text}${about}` };
}

function textOf(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function fromDisk(path: string): string {
  return readFileSync(path, 'utf8');
}
