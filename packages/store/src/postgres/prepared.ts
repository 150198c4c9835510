const NAMES = new Map<string, string>();

/**
 * Marks a statement's text as one that each connection keeps prepared, so that it is parsed and planned once and not with
 * every execution; gives the text back. For constant texts with parameters that run often, declared once a module. What
 * the statement answers with must never change its columns while a connection lives: no `*` of a table.
 *
 * Behind a pooler that pools by transaction it changes nothing: there a session is nobody's own.
 */
export function keepPrepared(text: string): string {
  if (!NAMES.has(text)) NAMES.set(text, `fairlead_${NAMES.size + 1}`);
  return text;
}

/** The name under which a text is kept prepared; `undefined` for any other. */
export function preparedName(text: string): string | undefined {
  return NAMES.get(text);
}
