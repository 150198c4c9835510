/** What a command's exit code says. The same for every command; which of them it uses is in its help where it matters. */
export const EXIT_CODES = {
  /** What was asked for is done. */
  done: 0,
  /** It failed, or there is nothing to show; standard error says why. */
  failed: 1,
  /** The command line is wrong, or its input does not fit the contract. Nothing has been done. */
  usage: 2,
  /** The service refused the call (status 4xx). Repeating it as it is will not help. */
  refused: 3,
  /** The service failed or could not be reached (status 5xx, timeout): it may have been done. Repeat it with its key. */
  unanswered: 4,
  /** Ended by a second Ctrl-C. */
  interrupted: 130,
} as const;

/** One line for each exit code. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  done: 'done',
  failed: 'failed, or nothing to show; standard error says why',
  usage: 'wrong command line, or input that does not fit the contract; nothing has been done',
  refused: '`call`: the service refused it (status 4xx); the same call will be refused again',
  unanswered: '`call`: the service failed or did not answer (5xx, timeout); repeat it with the same key',
  interrupted: '`up`: ended at once by a second Ctrl-C',
};
