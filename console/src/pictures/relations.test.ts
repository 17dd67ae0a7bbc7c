import assert from "node:assert/strict";
import { test } from "node:test";
import { BETWEEN, BOX, GAP, layoutRelations } from "./relations";

test("a single box is joined to all of the next column, from its middle", () => {
  const columns = [[{ key: "store" }], [{ key: "a" }, { key: "b" }]];
  const { height, edges } = layoutRelations(columns, 256);
  assert.equal(height, 2 * BOX + GAP);
  assert.deepEqual(edges.map((one) => one.to), ["a", "b"]);
  assert.ok(edges[0]?.path.startsWith(`M100 ${height / 2}C`));
  assert.ok(edges[0]?.path.endsWith(`${100 + BETWEEN} ${BOX / 2}`));
});

test("boxes of two full columns are joined only as they say", () => {
  const columns = [
    [{ key: "h1", joins: ["v1"] }, { key: "h2", joins: [] }],
    [{ key: "v1" }, { key: "v2" }],
  ];
  assert.deepEqual(layoutRelations(columns, 300).edges.map((one) => [one.from, one.to]), [["h1", "v1"]]);
});
