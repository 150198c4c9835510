import { join } from 'node:path';
import type { PlatformModel, ServiceModel } from '@fairlead/platform';
import { replaceFile } from './supervisor/data-dir.ts';

/** Variables that hold a secret of the service's configuration. */
function secretsOf(service: ServiceModel): readonly string[] {
  return Object.values(service.definition.config ?? {})
    .filter((field) => field.secret)
    .map((field) => field.env);
}

/** An environment without the secrets of any service of the platform: what everybody may inherit. */
export function withoutSecrets(model: PlatformModel, env: Readonly<Record<string, string>>): Record<string, string> {
  const secret = new Set(model.services.flatMap(secretsOf));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.has(name)));
}

/**
 * What a service's process is told of its own secrets: `<variable>_FILE`, a file (0600) in `folder` that holds the value.
 * An environment can be read from outside as long as the process lives, and goes on to whatever it starts.
 */
export async function secretFiles(
  service: ServiceModel,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const name of secretsOf(service)) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    // Given both ways: the service refuses that, and says so.
    if ((env[`${name}_FILE`] ?? '') !== '') {
      told[name] = '(given)';
      continue;
    }
    const file = join(folder, `${service.name}.${name}`);
    await replaceFile(file, value);
    told[`${name}_FILE`] = file;
  }
  return told;
}
