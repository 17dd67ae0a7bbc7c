import type { ReactNode } from "react";

/** One column of a list: how it is shown, sorted, and copied. */
export interface Column<T> {
  readonly key: string;
  readonly title: string;
  /** px at least; what is left over is shared by `grow`. */
  readonly width: number;
  readonly grow?: number;
  /** The field of the grammar that it is sorted by. */
  readonly order?: string;
  readonly end?: boolean;
  readonly hidden?: boolean;
  readonly cell: (row: T) => ReactNode;
  /** As plain text, for copies; what the cell shows if it is left out and is a text. */
  readonly text: (row: T) => string;
}

export interface Row {
  readonly key: string;
  readonly name: string;
}

/** What a list is made of. */
export interface ListOf<T> {
  readonly path: string;
  /** Which row is which, and what it is called. */
  readonly row: (item: T) => Row;
  readonly columns: readonly Column<T>[];
  /** Fields whose values are counted beside the list. */
  readonly facets?: readonly { readonly field: string; readonly title: string }[];
  /** Whether any row can be jumped to; lists of records grow at their end instead. */
  readonly jumps: boolean;
}
