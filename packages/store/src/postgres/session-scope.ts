import type { Context } from '@fairlead/core';

/** A setting of a transaction: its name and its value. */
export type Setting = readonly [name: string, value: string];

/**
 * What the transactions of a database are told when they begin, besides their limits: whose they are. Sessions of such a
 * database are shared by parties that don't trust each other, so every transaction first undoes what may have been left
 * in its session, and nothing is kept there: no limits, no prepared statements.
 */
export interface SessionScope {
  /**
   * Finds out what `ctx` stands for, before a connection is taken; answers with the settings for a transaction in the
   * session `processId`. They are sent as parameters, since other sessions of the role can read texts.
   */
  settingsFor(ctx: Context): Promise<(processId: number) => readonly Setting[]>;
}

/** Undoes what a session may have been left with. None of these can fail. */
export const CLEAN_SESSION: readonly string[] = ['RESET SESSION AUTHORIZATION', 'RESET ALL', 'CLOSE ALL'];

/** The statement that makes settings for a transaction; `undefined` for none. */
export function settingStatement(
  settings: readonly Setting[],
): { readonly text: string; readonly params: readonly string[] } | undefined {
  if (settings.length === 0) return undefined;
  const calls = settings.map((_, index) => `set_config($${index * 2 + 1}, $${index * 2 + 2}, true)`);
  return { text: `SELECT ${calls.join(', ')}`, params: settings.flat() };
}
