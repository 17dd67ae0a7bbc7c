/** How related objects are joined: columns of boxes, and curves between those that belong together. */
export interface Box {
  readonly key: string;
  /** Keys of the boxes in the next column that it is joined to; all where a column has one box. */
  readonly joins?: readonly string[];
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly path: string;
}

export const BOX = 34;
export const GAP = 6;
export const BETWEEN = 56;

function heightOf(count: number): number {
  return count * BOX + Math.max(0, count - 1) * GAP;
}

/** Boxes have equal widths; columns stand in the middle of the highest. */
export function layoutRelations(columns: readonly (readonly Box[])[], width: number): { readonly height: number; readonly edges: readonly Edge[] } {
  const height = Math.max(0, ...columns.map((one) => heightOf(one.length)));
  const box = (width - BETWEEN * (columns.length - 1)) / Math.max(1, columns.length);
  const middle = (column: number, row: number): number =>
    (height - heightOf(columns[column]?.length ?? 0)) / 2 + row * (BOX + GAP) + BOX / 2;
  const edges: Edge[] = [];
  columns.slice(0, -1).forEach((column, at) => {
    const next = columns[at + 1] ?? [];
    const single = column.length === 1 || next.length === 1;
    const x1 = at * (box + BETWEEN) + box;
    const x2 = x1 + BETWEEN;
    const bend = BETWEEN / 2;
    column.forEach((one, row) => {
      next.forEach((other, otherRow) => {
        if (one.joins ? !one.joins.includes(other.key) : !single) return;
        const [y1, y2] = [middle(at, row), middle(at + 1, otherRow)];
        edges.push({ from: one.key, to: other.key, path: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` });
      });
    });
  });
  return { height, edges };
}
