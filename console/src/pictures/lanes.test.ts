import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutLanes } from "./lanes";

const entries = [
  { at: 100, what: "observation" },
  { at: 105, what: "proof" },
  { at: 110, what: "deed" },
];

test("lanes go from what was seen to what was done, each at its time", () => {
  const { lanes } = layoutLanes(entries, [], 328, 100, 0);
  assert.deepEqual(lanes.map((lane) => lane.what), ["observation", "proof", "deed"]);
  assert.deepEqual(lanes.map((lane) => lane.marks[0]?.x), [108, 208, 308]);
});

test("the axis reaches as far as what still goes on", () => {
  const steps = [{ name: "vm", began: 110, ended: null, planned_s: 5 }];
  const { starts } = layoutLanes(entries, steps, 328, 100, 120);
  const bar = starts.spans[0]!;
  assert.ok(bar.x + bar.width <= 328);
  assert.equal(bar.width, 100);
  assert.equal(bar.planned, 50);
});

test("an incident of one moment is drawn", () => {
  const { lanes } = layoutLanes([{ at: 5, what: "event" }], [], 300, 50, 5);
  assert.equal(lanes[0]?.marks[0]?.x, 58);
});
