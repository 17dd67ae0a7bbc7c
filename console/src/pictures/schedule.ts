/** Steps on a time line with what each waits for: plain numbers from plain data. */
import { ticks } from "./time";

export interface Planned {
  readonly number: number;
  readonly after: readonly number[];
  readonly begins_ms: number;
  readonly ends_ms: number;
  /** Seconds since the begin of the run; null while it has not begun or ended. */
  readonly began_s: number | null;
  readonly ended_s: number | null;
}

export interface Bar {
  readonly x: number;
  readonly width: number;
}

export interface ScheduleRow {
  readonly number: number;
  readonly y: number;
  readonly planned: Bar;
  readonly actual: Bar | null;
}

export interface Schedule {
  readonly rows: readonly ScheduleRow[];
  readonly links: readonly { readonly from: number; readonly to: number; readonly path: string; readonly tip: string }[];
  readonly lines: readonly { readonly x: number; readonly seconds: number }[];
  readonly height: number;
}

export const STEP_ROW = 34;
const HEAD = 22;
const LEAST = 3;

/** `now_s` is how long the run has gone on: a step that has not ended reaches so far. */
export function layoutSteps(steps: readonly Planned[], width: number, now_s: number): Schedule {
  const last = Math.max(
    1,
    ...steps.map((one) => one.ends_ms / 1000),
    ...steps.map((one) => one.ended_s ?? (one.began_s === null ? 0 : now_s)),
  );
  const scale = (width - 24) / last;
  const rows = steps.map((one, index) => ({
    number: one.number,
    y: HEAD + index * STEP_ROW,
    planned: bar((one.begins_ms / 1000) * scale, (one.ends_ms / 1000) * scale),
    actual:
      one.began_s === null ? null : bar(one.began_s * scale, (one.ended_s ?? now_s) * scale),
  }));
  const at = new Map(rows.map((row) => [row.number, row]));
  return {
    rows,
    links: links(steps, at),
    lines: ticks(last, Math.max(2, Math.floor(width / 110))).map((seconds) => ({
      x: seconds * scale,
      seconds,
    })),
    height: HEAD + steps.length * STEP_ROW,
  };
}

function bar(from: number, to: number): Bar {
  return { x: from, width: Math.max(LEAST, to - from) };
}

/** A link runs out of the end of a bar, down or up, and into the begin of another. */
function links(steps: readonly Planned[], at: ReadonlyMap<number, ScheduleRow>): Schedule["links"] {
  return steps.flatMap((step) =>
    direct(step, steps).flatMap((before) => {
      const from = at.get(before);
      const to = at.get(step.number);
      if (!from || !to) return [];
      const x1 = from.planned.x + from.planned.width;
      const x2 = Math.max(x1, to.planned.x) + 5;
      const y1 = from.y + 10;
      const y2 = to.y > from.y ? to.y - 1 : to.y + 21;
      const turn = to.y > from.y ? -5 : 5;
      return [
        {
          from: before,
          to: step.number,
          path: `M${x1} ${y1}H${x2}V${y2 + turn}`,
          tip: `M${x2 - 3.5} ${y2 + turn}h7l-3.500 ${-turn}z`,
        },
      ];
    }),
  );
}

/** What a step waits for, without what one of these waits for itself. */
export function direct(step: Planned, steps: readonly Planned[]): number[] {
  const known = new Map(steps.map((one) => [one.number, one.after]));
  const reached = new Set<number>();
  const walk = (number: number): void => {
    for (const before of known.get(number) ?? []) {
      if (reached.has(before)) continue;
      reached.add(before);
      walk(before);
    }
  };
  for (const before of step.after) walk(before);
  return step.after.filter((before) => !reached.has(before));
}
