import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutMoves, SINGLE_MOVES, type HostPicture, type Part, type Sight } from "./moves";

const part = (vm: string, memory_mib: number, step = 0): Part => ({ vm, name: vm, memory_mib, step });
const sight = (...parts: Part[]): Sight => ({
  held_mib: parts.reduce((sum, one) => sum + one.memory_mib, 0),
  memory_mib: 1000,
  state: "up",
  maintenance: false,
  parts,
});
const host = (name: string, before: Sight, after: Sight): HostPicture => ({
  host: name,
  name,
  concerned: true,
  before,
  after,
});

test("what goes stands at the right end before, and at the left end after", () => {
  const { rows, curves } = layoutMoves(
    [
      host("a", sight(part("stays", 300), part("moves", 400, 1)), sight(part("stays", 300))),
      host("b", sight(part("old", 200)), sight(part("old", 200), part("moves", 400, 1))),
    ],
    900,
  );
  assert.deepEqual(rows[0]?.before.blocks.map((one) => one.name), ["stays", "moves"]);
  assert.deepEqual(rows[1]?.after.blocks.map((one) => one.name), ["moves", "old"]);
  assert.deepEqual([rows[0]?.before.percent, rows[0]?.after.percent], [70, 30]);
  assert.deepEqual(curves.map((one) => one.steps), [[1]]);
});

test("blocks never leave their bar, however small and many the VMs that move are", () => {
  const many = Array.from({ length: 60 }, (_, index) => part(`vm${index}`, 16, index + 1));
  const { rows } = layoutMoves([host("a", sight(...many), sight()), host("b", sight(), sight(...many))], 700);
  for (const strip of [rows[0]!.before, rows[1]!.after]) {
    const last = strip.blocks.at(-1)!;
    assert.ok(last.x + last.width <= strip.x + strip.width + 0.01);
  }
});

test("many moves between the same hosts are one curve", () => {
  const moved = Array.from({ length: SINGLE_MOVES + 1 }, (_, index) => part(`vm${index}`, 10, index + 1));
  const { curves } = layoutMoves([host("a", sight(...moved), sight()), host("b", sight(), sight(...moved))], 900);
  assert.equal(curves.length, 1);
  assert.equal(curves[0]?.steps.length, SINGLE_MOVES + 1);
});
