/** The same object with every member that may be undefined left out instead. */
export type Given<T> = { readonly [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  readonly [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** Without the members that are undefined, as `exactOptionalPropertyTypes` wants it. */
export function given<T extends object>(value: T): Given<T> {
  // `as`: what is left has no member that is undefined.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Given<T>;
}
