// Packages that are megabytes of a process and that few configurations need. They are loaded by `require` when they are asked for
// first, which may be where nobody can wait, and are found from this package, wherever this file has been put.
import { createRequire } from 'node:module';
import type * as Ioredis from 'ioredis';
import type * as Re2js from 're2js';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.resolve('@fairlead/proxy'));
let yamlLoaded: typeof Yaml | undefined;
let re2jsLoaded: typeof Re2js | undefined;

/** What reads YAML, for those who have some, or made a mistake in their JSON. */
export function yaml(): typeof Yaml {
  // `as`: that is the package.
  return (yamlLoaded ??= require('yaml') as typeof Yaml);
}

/** What matches regular expressions, for those who have some. */
export function re2js(): typeof Re2js {
  // `as`: that is the package.
  return (re2jsLoaded ??= require('re2js') as typeof Re2js);
}

/**
 * What speaks to Redis.
 * @throws when its user has not installed it
 */
export function ioredis(): typeof Ioredis {
  // `as`: that is the package.
  return require('ioredis') as typeof Ioredis;
}
