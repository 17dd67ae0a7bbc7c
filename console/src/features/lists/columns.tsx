/** Columns that many lists share. */
import { Link } from "wouter";
import type { Column } from "../../table/column";
import { Tags } from "../../ui/Tags";
import type { Titles } from "./words";

/** A column of plain text. */
export function plain<T>(
  key: string,
  title: string,
  text: (row: T) => string,
  more: Partial<Column<T>> = {},
): Column<T> {
  return { key, title, width: 110, text, cell: text, ...more };
}

/** The name, which leads to the object's page. */
export function named<T extends { readonly id: string; readonly name?: string }>(
  title: string,
  path: string,
): Column<T> {
  const name = (row: T): string => row.name || row.id;
  return {
    key: "name",
    title,
    width: 180,
    grow: 2,
    order: "name",
    text: name,
    cell: (row) => (
      <Link href={`${path}/${encodeURIComponent(row.id)}`} className="ap-strong">
        {name(row)}
      </Link>
    ),
  };
}

export function tagged<T extends { readonly id: string; readonly name?: string; readonly tags: readonly string[] }>(
  title: string,
  path: string,
): Column<T> {
  return {
    key: "tags",
    title,
    width: 160,
    grow: 2,
    text: (row) => row.tags.join(" "),
    cell: (row) => (
      <Tags path={`${path}/${encodeURIComponent(row.id)}`} name={row.name || row.id} tags={row.tags} />
    ),
  };
}

export function yesNo(t: Titles, value: boolean): string {
  return value ? t.yes : t.no;
}
