import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, bare, step } from "./racks";

test("hosts stand in their rack and chassis, and those without one come last", () => {
  const racks = arrange(
    ["h10", "h2", "h1", "far"],
    [
      { kind: "rack", name: "rack:a", hosts: ["h10", "h2", "h1"] },
      { kind: "chassis", name: "chassis:c1", hosts: ["h1", "h2"] },
    ],
    2,
  );
  assert.deepEqual(racks.map((rack) => [bare(rack.name), rack.count]), [["a", 3], ["", 1]]);
  assert.deepEqual(racks[0]?.chassis.map((one) => [one.name, one.rows]), [
    ["chassis:c1", [["h1", "h2"]]],
    ["", [["h10"]]],
  ]);
});

test("arrow keys stay on the map", () => {
  const rows = [["a", "b", "c"], ["d"]];
  assert.equal(step(rows, "c", "ArrowDown"), "d");
  assert.equal(step(rows, "d", "ArrowDown"), "d");
  assert.equal(step(rows, "c", "ArrowRight"), "d");
  assert.equal(step(rows, "a", "ArrowLeft"), "a");
  assert.equal(step(rows, "b", "End"), "d");
});
