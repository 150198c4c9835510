/** A process to start, as `spawn` takes it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The user to become; only as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Where one server may live. */
export interface Place {
  /** A folder of its own, empty at the first start; what the server keeps goes here. */
  readonly dataDir: string;
  /** Where downloads are kept between runs; shared by all data folders. */
  readonly cacheDir: string;
  /** A free port of the loopback, another at each call. */
  readonly freePort: () => Promise<number>;
}

/** A server about to run: its processes and how to tell that it answers. */
export interface Launch {
  /** What a client is given, such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** Started in this order, ended in reverse; the last one is the server itself. */
  readonly commands: readonly Command[];
}

/** One kind of server that tests and benches may need. */
export interface ServerKind {
  readonly name: string;
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
  /** What to tell people on a system without apt. */
  readonly elsewhere: string;
  /** Whether its programs are on this machine. */
  installed(): boolean;
  /**
   * Makes the data folder ready and says how to start. Called at every start, so it keeps what is there.
   * @throws Error that says what could not be had
   */
  prepare(place: Place): Promise<Launch>;
  /** Resolves with a line that the server itself sent over its own protocol; rejects when it doesn't answer in time. */
  greet(url: string, timeoutMs: number): Promise<string>;
}
