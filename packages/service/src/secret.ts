/** A value that is never printed: `String(secret)`, JSON and `util.inspect` all give `[secret]`. */
export interface Secret {
  /** The value itself. Hand it to what needs it; don't keep it. */
  reveal(): string;
  toString(): '[secret]';
  toJSON(): '[secret]';
}
