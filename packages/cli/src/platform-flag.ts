import { text, type Flag } from './flag.ts';

/** The flag of every command that loads a blueprint. */
export const platformFlag: Flag<string> = text('the blueprint', 'file', 'platform.ts');
