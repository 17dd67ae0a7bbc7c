/** Searches this browser remembers: the last ones, and those somebody saved. */
import { useSyncExternalStore } from "react";

interface Kept {
  readonly recent: readonly string[];
  readonly saved: readonly string[];
}

const NAME = "anypool.searches";
const MOST_RECENT = 8;
const listeners = new Set<() => void>();

function load(): Kept {
  try {
    const found = JSON.parse(localStorage.getItem(NAME) ?? "{}") as Partial<Kept>;
    return { recent: texts(found.recent), saved: texts(found.saved) };
  } catch {
    return { recent: [], saved: [] };
  }
}

function texts(found: unknown): readonly string[] {
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}

let current = load();

function become(next: Kept): void {
  current = next;
  localStorage.setItem(NAME, JSON.stringify(next));
  for (const listener of listeners) listener();
}

/** Remember a search, written with its noun. */
export function used(search: string): void {
  const rest = current.recent.filter((one) => one !== search);
  become({ ...current, recent: [search, ...rest].slice(0, MOST_RECENT) });
}

/** Save a search, or forget a saved one. */
export function toggleSaved(search: string): void {
  const there = current.saved.includes(search);
  const saved = there ? current.saved.filter((one) => one !== search) : [search, ...current.saved];
  become({ ...current, saved });
}

export function useKept(): Kept {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
