/** What may be put in where the cursor is: from the manager, and from what was searched before. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { get } from "../api/client";
import type { Completion } from "../api/types";
import { useKept } from "./kept";
import type { Noun } from "./nouns";

export type ChoiceKind =
  | "value" | "field" | "join" | "operator" | "keyword" | "noun" | "saved" | "recent";

export interface Choice {
  readonly text: string;
  readonly kind: ChoiceKind;
  readonly count: number;
  readonly doc: string;
  readonly start: number;
  readonly end: number;
  /** A whole search of its own, which replaces what was typed. */
  readonly whole: boolean;
}

const QUIET_MS = 60;
const MOST = 12;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), QUIET_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function useCompletion(text: string, at: number, noun: Noun | null, open: boolean): readonly Choice[] {
  const kept = useKept();
  const asked = useSettled(text);
  const cursor = Math.min(useSettled(at), asked.length);
  const { data } = useQuery({
    queryKey: ["/search/completion", { q: asked, at: cursor, noun }],
    queryFn: ({ signal }) =>
      get<Completion>("/search/completion", { q: asked, at: cursor, ...(noun && { noun }) }, signal),
    enabled: open,
    gcTime: 30_000,
  });
  // What was offered for another text, or another place in it, would be put where it does not fit.
  const fits = asked === text && cursor === Math.min(at, text.length);
  const offered = (data && fits ? data.suggestions : []).slice(0, MOST).map((one) => ({
    ...one,
    kind: one.kind as ChoiceKind,
    start: data?.start ?? 0,
    end: data?.end ?? 0,
    whole: false,
  }));
  return [...offered, ...remembered(kept.saved, "saved", text), ...remembered(kept.recent, "recent", text)];
}

function remembered(searches: readonly string[], kind: "saved" | "recent", text: string): Choice[] {
  return searches
    .filter((one) => one.toLowerCase().includes(text.trim().toLowerCase()))
    .slice(0, 4)
    .map((one) => ({ text: one, kind, count: 0, doc: "", start: 0, end: 0, whole: true }));
}
