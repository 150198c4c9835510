/** How a thing is asked to end. */
export interface CloseOptions {
  /** How long work under way may take to finish, in milliseconds; 0 ends it at once. Default 5 000. */
  readonly graceMs?: number;
}

/** Whoever holds a socket, timer, process or connection can be closed, more than once. */
export interface Closeable extends AsyncDisposable {
  /** Idempotent: a second call waits for the first. */
  close(options?: CloseOptions): Promise<void>;
}
