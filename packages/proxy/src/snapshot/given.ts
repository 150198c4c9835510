/** The same object with every member that may be undefined left out instead. */
export type Given<T> = { readonly [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  readonly [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** Without the members that are undefined, as `exactOptionalPropertyTypes` wants it. */
export function given<T extends object>(value: T): Given<T> {
  const members: Record<string, unknown> = {};
  for (const name in value) {
    const member: unknown = value[name];
    if (member !== undefined) members[name] = member;
  }
  // `as`: what is left has no member that is undefined.
  return members as Given<T>;
}
