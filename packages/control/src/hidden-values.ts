import { readFile } from 'node:fs/promises';
import type { PlatformModel } from '@fairlead/platform';
import { redaction } from '@fairlead/telemetry';

/** Lines of a secret that are shorter say nothing of it, and may stand anywhere. */
const LEAST_LINE_LENGTH = 12;

/**
 * Takes what the services of a platform declare as secret out of lines that their processes print. Telemetry does so in
 * what a service logs; this is for what it prints itself, or Node does when it ends with an error. Output comes line by
 * line, so a secret of several lines is known by its lines as well.
 */
export async function hiddenValues(
  model: PlatformModel,
  env: Readonly<Record<string, string | undefined>>,
): Promise<(line: string) => string> {
  const fields = model.services.flatMap(({ definition }) => Object.values(definition.config ?? {}));
  const hidden = redaction([], []);
  for (const { env: name } of fields.filter((field) => field.secret)) {
    const file = env[`${name}_FILE`];
    const value = env[name] ?? (file === undefined ? '' : await readFile(file, 'utf8').catch(() => ''));
    // As the service reads it: without the line's end that editors leave.
    const secret = value.replace(/\r?\n$/, '');
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= LEAST_LINE_LENGTH);
    for (const each of [secret, ...lines]) hidden.add(each);
  }
  return (line) => (hidden.secrets === 0 ? line : hidden.text(line));
}
