/** What happened in an incident on one axis of time: plain numbers from plain data. */
import { ticks } from "./time";

export interface Happened {
  readonly at: number;
  readonly what: string;
}

export interface Started {
  readonly name: string;
  readonly began: number;
  /** Null while it goes on. */
  readonly ended: number | null;
  /** How long it was to take. */
  readonly planned_s: number;
}

export interface Mark {
  readonly x: number;
  /** Index of the entry it stands for. */
  readonly index: number;
}

export interface Lane {
  readonly what: string;
  readonly y: number;
  readonly marks: readonly Mark[];
}

export interface Span {
  readonly x: number;
  readonly width: number;
  readonly planned: number;
  readonly y: number;
  readonly name: string;
}

export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly starts: { readonly y: number; readonly height: number; readonly spans: readonly Span[] };
  readonly lines: readonly { readonly x: number; readonly seconds: number }[];
  readonly height: number;
  /** Where a moment stands. */
  readonly place: (at: number) => number;
}

export const LANE = 36;
const HEAD = 24;
const BAR = 7;
const MOST_BARS = 60;
/** From what is seen to what is done: the order of lanes. */
const ORDER = ["observation", "decision", "proof", "plan", "deed", "person", "event", "incident"];

/** `left` is where the axis begins, `now` how far it reaches while the incident goes on. */
export function layoutLanes(
  entries: readonly Happened[],
  steps: readonly Started[],
  width: number,
  left: number,
  now: number,
): Lanes {
  const times = [...entries.map((one) => one.at), ...steps.flatMap((one) => [one.began, one.ended ?? now])];
  const first = Math.min(...times);
  const last = Math.max(...times, now, first + 1);
  const scale = (width - left - 28) / (last - first);
  const place = (at: number): number => left + 8 + (at - first) * scale;
  const kinds = ORDER.filter((what) => entries.some((one) => one.what === what));
  const lanes = kinds.map((what, row) => ({
    what,
    y: HEAD + row * LANE,
    marks: entries.flatMap((one, index) => (one.what === what ? [{ x: place(one.at), index }] : [])),
  }));
  const y = HEAD + lanes.length * LANE;
  const shown = [...steps].sort((a, b) => a.began - b.began).slice(0, MOST_BARS);
  const spans = shown.map((one, row) => ({
    name: one.name,
    x: place(one.began),
    width: Math.max(3, ((one.ended ?? now) - one.began) * scale),
    planned: Math.max(3, Math.min(one.planned_s * scale, width - place(one.began) - 4)),
    y: y + 8 + row * BAR,
  }));
  const height = spans.length ? Math.max(LANE, spans.length * BAR + 16) : 0;
  return {
    lanes,
    starts: { y, height, spans },
    lines: ticks(last - first, Math.max(2, Math.floor((width - left) / 100))).map((seconds) => ({
      x: place(first + seconds),
      seconds,
    })),
    height: y + height,
    place,
  };
}
