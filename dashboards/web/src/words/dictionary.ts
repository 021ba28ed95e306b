import { language } from "./language.ts";

/** A word, or a sentence of what stands in it. */
export type Word = string | ((...given: never[]) => string);

/** The same keys and the same arguments in the other language: what is missing does not compile. */
export type Same<T> = {
  [K in keyof T]: T[K] extends (...given: infer A) => string ? (...given: A) => string : string;
};

/** All dictionaries, for the test that reads them. */
export const dictionaries: { name: string; en: Record<string, unknown>; zh: Record<string, unknown> }[] = [];

/** dictionary returns a function that gives the words of the language of now. */
export function dictionary<T extends Record<string, Word>>(name: string, en: T, zh: Same<T>): () => Same<T> {
  dictionaries.push({ name, en, zh });
  return () => (language() === "en" ? (en as unknown as Same<T>) : zh);
}
