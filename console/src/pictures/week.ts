/** Who bears what in the coming days, on the clock of the wall: plain numbers from plain data. */

export interface Bears {
  readonly server: string;
  /** "" for none. */
  readonly profile: string;
  readonly hypervisor: boolean;
}

/** From `begins` on, which is "" where it always was so; times are `2026-12-24 14:00`. */
export interface Turned {
  readonly begins: string;
  readonly bears: readonly Bears[];
}

export interface Block {
  readonly x: number;
  readonly width: number;
  readonly what: "profile" | "hypervisor" | "nothing";
  readonly profile: string;
  /** Stands for the profile where its name is too long. */
  readonly mark: string;
  /** Whether it is so already, and not only foreseen. */
  readonly now: boolean;
  readonly begins: string;
  readonly ends: string;
}

export interface Week {
  readonly rows: readonly { readonly server: string; readonly y: number; readonly blocks: readonly Block[] }[];
  /** Midnights, and the first moment. */
  readonly days: readonly { readonly x: number; readonly width: number; readonly at: number }[];
  /** Where changes are. */
  readonly changes: readonly number[];
  readonly marks: readonly (readonly [string, string])[];
  readonly height: number;
}

export const ROW = 26;
export const HEAD = 34;
const MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DAY_MS = 86_400_000;

/** A time on some wall as if that wall were in UTC: only for reckoning between two of one wall. */
export function wallMs(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}:00Z`);
}

export function layoutWeek(begins: string, ends: string, turns: readonly Turned[], width: number, left: number): Week {
  const first = wallMs(begins);
  const last = Math.max(wallMs(ends), first + 60_000);
  const scale = (width - left) / (last - first);
  const place = (at: number): number => left + (Math.min(Math.max(at, first), last) - first) * scale;
  const starts = turns.map((one) => (one.begins && one.begins > begins ? one.begins : begins));
  const names = [...new Set(turns.flatMap((one) => one.bears.map((bears) => bears.profile)))].filter(Boolean);
  const marks = names.map((name, index) => [MARKS[index % MARKS.length] ?? "", name] as const);
  const markOf = new Map(marks.map(([mark, name]) => [name, mark]));
  const servers = turns[0]?.bears ?? [];
  const rows = servers.map((one, row) => {
    const blocks: Block[] = [];
    turns.forEach((turn, index) => {
      const bears = turn.bears[row];
      const from = starts[index] ?? begins;
      const to = starts[index + 1] ?? ends;
      if (!bears || wallMs(from) >= last) return;
      const what = bears.profile ? "profile" : bears.hypervisor ? "hypervisor" : "nothing";
      const before = blocks.at(-1);
      const end = Math.min(wallMs(to), last);
      if (before && before.what === what && before.profile === bears.profile) {
        blocks[blocks.length - 1] = { ...before, width: place(end) - before.x, ends: to };
        return;
      }
      const x = place(wallMs(from));
      const mark = what === "profile" ? (markOf.get(bears.profile) ?? "") : what === "hypervisor" ? "+" : "";
      blocks.push({ x, width: place(end) - x, what, profile: bears.profile, mark, now: from === begins, begins: from, ends: to });
    });
    return { server: one.server, y: HEAD + row * ROW, blocks };
  });
  return {
    rows,
    days: daysOf(first, last).map(([at, until]) => ({ at, x: place(at), width: place(until) - place(at) })),
    changes: starts.slice(1).filter((one) => wallMs(one) < last).map((one) => place(wallMs(one))),
    marks,
    height: HEAD + rows.length * ROW,
  };
}

function daysOf(first: number, last: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = first; at < last; ) {
    const until = Math.min((Math.floor(at / DAY_MS) + 1) * DAY_MS, last);
    found.push([at, until]);
    at = until;
  }
  return found;
}
