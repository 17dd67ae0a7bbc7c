/** What the navigation shows: groups of entries, one line each. */
import type { IconName } from "../ui/Icon";
import type { words } from "./words";

export interface Entry {
  readonly to: string;
  readonly icon: IconName;
  readonly label: keyof typeof words.en.nav;
  /** The list whose total is shown beside it. */
  readonly count?: string;
}

export interface Group {
  readonly label: keyof typeof words.en.groups | null;
  readonly entries: readonly Entry[];
}

export const NAVIGATION: readonly Group[] = [
  { label: null, entries: [{ to: "/", icon: "cubes", label: "overview" }] },
];
