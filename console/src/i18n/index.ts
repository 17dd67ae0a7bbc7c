/** Words in English and German, chosen once for the whole page. */
import { useSyncExternalStore } from "react";

export type Language = "en" | "de";
const KEPT = "anypool.language";

/** The same keys as `T`, in another language: what is missing is an error of types. */
export type Same<T> = {
  readonly [K in keyof T]: T[K] extends (...given: infer A) => string
    ? (...given: A) => string
    : T[K] extends string
      ? string
      : Same<T[K]>;
};

export interface Bilingual<T> {
  readonly en: T;
  readonly de: Same<T>;
}

/** Binds the words of a feature; German must be complete. */
export function bilingual<T>(en: T, de: Same<T>): Bilingual<T> {
  return { en, de };
}

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "de") return kept;
  return navigator.languages.find((tag) => /^(de|en)\b/i.test(tag))?.toLowerCase().startsWith("de")
    ? "de"
    : "en";
}

let current: Language = first();
const listeners = new Set<() => void>();
document.documentElement.lang = current;

export function language(): Language {
  return current;
}

export function setLanguage(next: Language): void {
  current = next;
  localStorage.setItem(KEPT, next);
  document.documentElement.lang = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, language);
}

/** The words of a feature in the viewer's language. */
export function useWords<T>(words: Bilingual<T>): T {
  // Same<T> has the same keys, each callable in the same way.
  return useLanguage() === "de" ? (words.de as unknown as T) : words.en;
}

/** The words outside of components. */
export function wordsNow<T>(words: Bilingual<T>): T {
  return current === "de" ? (words.de as unknown as T) : words.en;
}
