import assert from "node:assert/strict";
import { test } from "node:test";
import { direct, layoutSteps, type Planned } from "./schedule";
import { clock, ticks } from "./time";
import { loadLevel } from "./load";

const step = (number: number, begin: number, end: number, after: number[] = []): Planned => ({
  number,
  after,
  begins_ms: begin * 1000,
  ends_ms: end * 1000,
  began_s: null,
  ended_s: null,
});

test("steps stand where they begin and end, and links lead from what they wait for", () => {
  const { rows, links, lines } = layoutSteps([step(1, 0, 60), step(2, 60, 120, [1])], 624, 0);
  assert.deepEqual(rows.map((row) => [row.planned.x, row.planned.width]), [[0, 300], [300, 300]]);
  assert.deepEqual(links.map((link) => [link.from, link.to]), [[1, 2]]);
  assert.equal(lines[0]?.x, 0);
});

test("what is waited for by way of another step has no link of its own", () => {
  const steps = [step(1, 0, 1), step(2, 1, 2, [1]), step(3, 2, 3, [1, 2])];
  assert.deepEqual(direct(steps[2]!, steps), [2]);
});

test("a step that runs reaches until now, and the axis grows with it", () => {
  const running = { ...step(1, 0, 10), began_s: 0 };
  const { rows } = layoutSteps([running], 124, 20);
  assert.equal(rows[0]?.actual?.width, 100);
  assert.equal(rows[0]?.planned.width, 50);
});

test("axes have few lines at round times", () => {
  assert.deepEqual(ticks(125, 5), [0, 30, 60, 90, 120]);
  assert.equal(clock(3725), "1:02:05");
  assert.equal(clock(90), "1:30");
});

test("load has six shades", () => {
  assert.deepEqual([0, 29, 30, 59, 60, 88, 120].map(loadLevel), [0, 0, 1, 2, 3, 5, 5]);
});
