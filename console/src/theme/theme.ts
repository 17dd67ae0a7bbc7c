/** Light or dark: what the viewer chose, else what their system says. */
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";
const KEPT = "anypool.theme";
const DARK = "pf-v6-theme-dark";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function theme(): Theme {
  const kept = localStorage.getItem(KEPT);
  if (kept === "light" || kept === "dark") return kept;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.classList.toggle(DARK, theme() === "dark");
  for (const listener of listeners) listener();
}

export function setTheme(next: Theme): void {
  localStorage.setItem(KEPT, next);
  apply();
}

export function beginTheme(): void {
  system.addEventListener("change", apply);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    theme,
  );
}
