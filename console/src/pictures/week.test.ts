import assert from "node:assert/strict";
import { test } from "node:test";
import { HEAD, layoutWeek, ROW, wallMs } from "./week";

const bears = (one: string, two: string) => [
  { server: "blade1", profile: one, hypervisor: false },
  { server: "node1", profile: two, hypervisor: two === "" },
];
const turns = [
  { begins: "2026-11-20 06:00", bears: bears("web1", "") },
  { begins: "2026-11-27 12:00", bears: bears("report1", "") },
  { begins: "2026-11-28 12:00", bears: bears("", "web1") },
];
const week = layoutWeek("2026-11-27 00:00", "2026-11-29 00:00", turns, 580, 100);

test("a block reaches from a change to the next one, and over those that change nothing there", () => {
  const [blade, node] = week.rows;
  assert.deepEqual(blade?.blocks.map((one) => [one.x, one.width, one.what, one.profile]), [
    [100, 120, "profile", "web1"],
    [220, 240, "profile", "report1"],
    [460, 120, "nothing", ""],
  ]);
  assert.deepEqual(node?.blocks.map((one) => [one.x, one.width, one.what]), [
    [100, 360, "hypervisor"],
    [460, 120, "profile"],
  ]);
  assert.deepEqual([blade?.y, node?.y, week.height], [HEAD, HEAD + ROW, HEAD + 2 * ROW]);
});

test("only what is so already counts as now", () => {
  assert.deepEqual(week.rows[0]?.blocks.map((one) => one.now), [true, false, false]);
});

test("one profile has one mark wherever it is", () => {
  assert.deepEqual(week.marks, [["A", "web1"], ["B", "report1"]]);
  assert.equal(week.rows[1]?.blocks[1]?.mark, "A");
});

test("days begin at midnight, the first where the picture does", () => {
  const found = layoutWeek("2026-11-27 18:00", "2026-11-29 06:00", turns, 460, 100);
  assert.deepEqual(found.days.map((one) => one.x), [100, 160, 400]);
  assert.equal(found.days[1]?.at, wallMs("2026-11-28 00:00"));
});

test("changes after the end of the picture are not in it", () => {
  const found = layoutWeek("2026-11-27 00:00", "2026-11-28 00:00", turns, 340, 100);
  assert.deepEqual(found.changes, [220]);
  assert.equal(found.rows[0]?.blocks.length, 2);
});

test("nobody that matches, nothing drawn", () => {
  assert.equal(layoutWeek("2026-11-27 00:00", "2026-11-28 00:00", [{ begins: "", bears: [] }], 340, 100).rows.length, 0);
});
