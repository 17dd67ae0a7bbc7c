/** What the list on the page found, told to the search box: how many, and how fast. */
import { useSyncExternalStore } from "react";

export interface Found {
  /** What was asked: the box may be at the next question already. */
  readonly query: string;
  readonly total: number;
  readonly tookMs: number;
}

let current: Found | null = null;
const listeners = new Set<() => void>();

export function tellFound(next: Found | null): void {
  current = next;
  for (const listener of listeners) listener();
}

export function useFound(): Found | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
