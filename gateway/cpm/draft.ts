/** A value while it is being made: optional fields are set one after the other, which is several times as fast as spreading them. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] }
