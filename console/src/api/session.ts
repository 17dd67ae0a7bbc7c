/** Who is logged in. */
import { useSyncExternalStore } from "react";
import type { Me } from "./types";

export interface Session {
  /** `asking` until the manager said whether the cookie is still good. */
  readonly state: "asking" | "out" | "in";
  readonly me: Me | null;
  /** Whether it ended by itself. */
  readonly expired: boolean;
}

let current: Session = { state: "asking", me: null, expired: false };
const listeners = new Set<() => void>();

function become(next: Session): void {
  current = next;
  for (const listener of listeners) listener();
}

export function csrf(): string {
  return current.me?.csrf ?? "";
}

export function entered(me: Me): void {
  become({ state: "in", me, expired: false });
}

/** The manager no longer knows us. */
export function ended(): void {
  if (current.state !== "out") become({ state: "out", me: null, expired: current.state === "in" });
}

/** We left. */
export function left(): void {
  become({ state: "out", me: null, expired: false });
}

export function useSession(): Session {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

const RANK = { viewer: 0, operator: 1, administrator: 2 } as const;

/** Whether the viewer has at least this role; only for showing, the manager decides. */
export function useMay(role: keyof typeof RANK): boolean {
  const mine = useSession().me?.role as keyof typeof RANK | undefined;
  return mine !== undefined && RANK[mine] >= RANK[role];
}
