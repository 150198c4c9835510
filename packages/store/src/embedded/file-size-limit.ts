/** What helps where the system lets no file grow further. The system's own words (`File too large`) don't say it. */
export const RAISE_FILE_SIZE_LIMIT =
  'Raise the limit of the size of files (ulimit -f in a shell, LimitFSIZE= in systemd), then start again';

/** How a program of the system ended, in words; with what helps where it was the limit of the size of files. */
export function endOf({ code, signal }: { readonly code: number | null; readonly signal: string | null }): string {
  if (signal === 'SIGXFSZ') return `SIGXFSZ: a file may not become as large as it must. ${RAISE_FILE_SIZE_LIMIT}`;
  return signal ?? `exit code ${code}`;
}
