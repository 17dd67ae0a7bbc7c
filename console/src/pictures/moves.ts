/** Where everything of a before-and-after picture stands: plain numbers from plain data. */
import { loadLevel } from "./load";

export interface Part {
  readonly vm: string;
  readonly name: string;
  readonly memory_mib: number;
  readonly step: number;
}

export interface Sight {
  readonly held_mib: number;
  readonly memory_mib: number;
  readonly state: string;
  readonly maintenance: boolean;
  readonly parts: readonly Part[];
}

export interface HostPicture {
  readonly host: string;
  readonly name: string;
  readonly concerned: boolean;
  readonly before: Sight;
  readonly after: Sight;
}

export interface Block {
  readonly x: number;
  readonly width: number;
  readonly step: number;
  readonly name: string;
}

export interface Strip {
  readonly x: number;
  readonly width: number;
  readonly percent: number;
  readonly level: number;
  readonly blocks: readonly Block[];
  readonly state: string;
  readonly maintenance: boolean;
}

export interface Row {
  readonly host: string;
  readonly name: string;
  readonly y: number;
  readonly before: Strip;
  readonly after: Strip;
  readonly changes: boolean;
}

export interface Curve {
  /** The steps that it stands for: one, or all between two hosts when there are many. */
  readonly steps: readonly number[];
  readonly path: string;
  readonly width: number;
}

export interface Moves {
  readonly rows: readonly Row[];
  readonly curves: readonly Curve[];
  readonly height: number;
}

export const ROW = 30;
const LETTER = 7.2;
const MOST_LETTERS = 15;
const SHARE = 46;
const TOP = 2;
const LEAST_BLOCK = 13;
/** Above so many moves the curves between the same two hosts become one. */
export const SINGLE_MOVES = 12;

export function percentOf(sight: Sight): number {
  return Math.round((100 * sight.held_mib) / Math.max(1, sight.memory_mib));
}

export function layoutMoves(hosts: readonly HostPicture[], width: number): Moves {
  const most = Math.max(1, ...hosts.map((one) => Math.max(one.before.memory_mib, one.after.memory_mib)));
  const gap = Math.max(72, Math.round(width * 0.13));
  const letters = Math.min(MOST_LETTERS, Math.max(0, ...hosts.map((one) => one.name.length)));
  const left = Math.ceil(letters * LETTER) + 14;
  const bar = Math.max(80, Math.floor((width - left - gap - 2 * SHARE) / 2));
  const right = width - SHARE - bar;
  const rows = hosts.map((one, index): Row => {
    const y = TOP + index * ROW;
    const before = strip(one.before, left, bar, most, false);
    const after = strip(one.after, right, bar, most, true);
    return {
      host: one.host,
      name: one.name,
      y,
      before,
      after,
      changes: before.percent !== after.percent || one.before.state !== one.after.state,
    };
  });
  return {
    rows,
    curves: curves(hosts, left + bar + SHARE, right - 4),
    height: TOP + hosts.length * ROW,
  };
}

/** What goes stands at the right end before, what came at the left end after: curves meet them. */
function strip(sight: Sight, x: number, bar: number, most: number, after: boolean): Strip {
  const width = (bar * sight.memory_mib) / most;
  const scale = width / Math.max(1, sight.memory_mib);
  const stays = sight.parts.filter((one) => one.step === 0);
  const moves = sight.parts.filter((one) => one.step !== 0).sort((a, b) => a.step - b.step);
  const blocks: Block[] = [];
  let at = x;
  for (const one of after ? [...moves, ...stays] : [...stays, ...moves]) {
    const least = one.step ? LEAST_BLOCK : 0.8;
    const size = Math.max(least, one.memory_mib * scale);
    blocks.push({ x: at, width: size, step: one.step, name: one.name });
    at += size;
  }
  const over = at - x - width;
  const squeezed = over > 0 ? squeeze(blocks, x, width) : blocks;
  const percent = percentOf(sight);
  return {
    x,
    width,
    percent,
    level: loadLevel(percent),
    blocks: squeezed,
    state: sight.state,
    maintenance: sight.maintenance,
  };
}

/** Small moved VMs are drawn wider than they are; what they took is given back by all. */
function squeeze(blocks: readonly Block[], x: number, width: number): Block[] {
  const sum = blocks.reduce((total, one) => total + one.width, 0);
  const factor = width / sum;
  let at = x;
  return blocks.map((one) => {
    const next = { ...one, x: at, width: one.width * factor };
    at += next.width;
    return next;
  });
}

interface End {
  readonly row: number;
  readonly memory: number;
}

function curves(hosts: readonly HostPicture[], from: number, to: number): Curve[] {
  const goes = ends(hosts, (one) => one.before);
  const comes = ends(hosts, (one) => one.after);
  const found = [...goes].flatMap(([step, begin]) => {
    const end = comes.get(step);
    return end && end.row !== begin.row ? [{ step, begin, end }] : [];
  });
  const groups = new Map<string, { steps: number[]; memory: number; begin: number; end: number }>();
  for (const { step, begin, end } of found) {
    const key = found.length > SINGLE_MOVES ? `${begin.row} ${end.row}` : String(step);
    const group = groups.get(key) ?? { steps: [], memory: 0, begin: begin.row, end: end.row };
    group.steps.push(step);
    group.memory += begin.memory;
    groups.set(key, group);
  }
  const all = [...groups.values()];
  const biggest = Math.max(1, ...all.map((one) => one.memory));
  return all.map((one) => {
    const y1 = anchor(one.begin, all.filter((other) => other.begin === one.begin).indexOf(one),
      all.filter((other) => other.begin === one.begin).length);
    const y2 = anchor(one.end, all.filter((other) => other.end === one.end).indexOf(one),
      all.filter((other) => other.end === one.end).length);
    const bend = (to - from) * 0.55;
    return {
      steps: one.steps,
      path: `M${from} ${y1}C${from + bend} ${y1} ${to - bend} ${y2} ${to} ${y2}`,
      width: Math.max(2, (9 * one.memory) / biggest),
    };
  });
}

function anchor(row: number, index: number, count: number): number {
  const spread = Math.min(7, 20 / Math.max(1, count));
  return TOP + row * ROW + 12 + (index - (count - 1) / 2) * spread;
}

function ends(hosts: readonly HostPicture[], side: (one: HostPicture) => Sight): Map<number, End> {
  const found = new Map<number, End>();
  hosts.forEach((one, row) => {
    for (const part of side(one).parts) {
      if (part.step) found.set(part.step, { row, memory: part.memory_mib });
    }
  });
  return found;
}
