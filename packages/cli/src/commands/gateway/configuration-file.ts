import type { Positional } from '../../command.ts';

/** The configuration that a command is about. */
export const fileOf: Positional = { name: 'file', summary: 'the configuration, YAML or JSON', required: true };
