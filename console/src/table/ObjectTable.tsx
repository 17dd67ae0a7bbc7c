/** A list of anything: virtual rows, sorted and filtered by the manager, selection that stays. */
import { getCoreRowModel, useReactTable, type ColumnDef } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  memo, useCallback, useEffect, useMemo, useRef, type KeyboardEvent, type MouseEvent, type ReactNode,
} from "react";
import { tellFound } from "../search/found";
import { orderOf } from "../search/query";
import { useWords } from "../i18n";
import { Icon } from "../ui/Icon";
import { ProblemBox } from "../ui/ProblemBox";
import { Waiting } from "../ui/Waiting";
import type { Column, ListOf } from "./column";
import type { Rows } from "./rows";
import { vars } from "./vars";
import { words } from "./words";
import "./table.css";

const ROW_PX = 32;
const CHECK_PX = 40;

export interface TableProps<T> {
  readonly list: ListOf<T>;
  readonly label: string;
  readonly query: string;
  readonly rows: Rows<T>;
  readonly shown: readonly string[];
  readonly selected: ReadonlyMap<string, string>;
  readonly onSelect: ((keys: ReadonlyMap<string, string>) => void) | null;
  readonly onSort: (field: string) => void;
  readonly onView: (from: number, to: number) => void;
  readonly onClear: () => void;
  /** What is said where there is nothing at all. */
  readonly empty: ReactNode;
}

export function ObjectTable<T>(props: TableProps<T>) {
  const { list, rows, shown, selected, onSelect, onView } = props;
  const t = useWords(words);
  const scroller = useRef<HTMLDivElement>(null);
  const anchor = useRef(-1);
  const columns = useVisible(list.columns, shown);
  const template = useMemo(
    () =>
      [
        ...(onSelect ? [`${CHECK_PX}px`] : []),
        ...columns.map((one) => `minmax(${one.width}px, ${one.grow ?? 1}fr)`),
      ].join(" "),
    [columns, onSelect],
  );
  const least = columns.reduce((sum, one) => sum + one.width, onSelect ? CHECK_PX : 0);
  const virtual = useVirtualizer({
    count: rows.total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const from = items[0]?.index ?? 0;
  const to = items.at(-1)?.index ?? 0;
  useEffect(() => onView(from, to), [from, to, onView]);
  useEffect(() => {
    const { first, old, tookMs } = rows;
    if (first && !old) tellFound({ query: props.query, total: first.total, tookMs });
    return () => tellFound(null);
  }, [props.query, rows.first, rows.old, rows.tookMs]);
  useEffect(() => {
    // In a body: newer browsers return a promise, which is no way to clean up.
    scroller.current?.scrollTo({ top: 0 });
  }, [props.query]);

  // The newest rows and selection without a new function for each: rows stay as they are drawn.
  const latest = useRef({ rows, selected });
  latest.current = { rows, selected };
  const toggle = useCallback(
    (index: number, range: boolean) => {
      if (!onSelect) return;
      const now = latest.current;
      const next = new Map(now.selected);
      const begin = range && anchor.current >= 0 ? Math.min(anchor.current, index) : index;
      const end = range && anchor.current >= 0 ? Math.max(anchor.current, index) : index;
      const item = now.rows.at(index);
      const wanted = item !== undefined && !now.selected.has(list.row(item).key);
      for (let place = begin; place <= end; place += 1) {
        const found = now.rows.at(place);
        if (!found) continue;
        const { key, name } = list.row(found);
        if (wanted) next.set(key, name);
        else next.delete(key);
      }
      anchor.current = index;
      onSelect(next);
    },
    [list, onSelect],
  );

  function key(event: KeyboardEvent<HTMLDivElement>): void {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
    const here = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (step === undefined || !here) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(rows.total - 1, Number(here.dataset.index) + step));
    virtual.scrollToIndex(next);
    const wasBox = event.target instanceof HTMLInputElement;
    requestAnimationFrame(() => {
      const row = scroller.current?.querySelector(`[data-index="${next}"]`);
      row?.querySelector<HTMLElement>(wasBox ? "input" : "a, button")?.focus({ preventScroll: true });
    });
  }

  if (rows.error && !rows.first) return <ProblemBox problem={rows.error} again={rows.again} />;
  if (!rows.first) return <Waiting what={t.reading} />;
  return (
    <div className={`ap-card ap-table${rows.old ? " ap-table--old" : ""}${rows.total === 0 ? " ap-table--empty" : ""}`}>
      {rows.error && <ProblemBox problem={rows.error} again={rows.again} />}
      <div
        ref={scroller}
        className="ap-table__scroll"
        role="table"
        aria-label={props.label}
        aria-rowcount={rows.total + 1}
        aria-colcount={columns.length + (onSelect ? 1 : 0)}
        tabIndex={0}
        onKeyDown={key}
        style={vars({ "--ap-columns": template, "--ap-least": `${least}px` })}
      >
        <div className="ap-table__head" role="rowgroup">
          <div className="ap-table__row" role="row" aria-rowindex={1}>
            {onSelect && <SelectSeen {...props} from={from} to={to} />}
            {columns.map((column) => (
              <Head key={column.key} column={column} query={props.query} onSort={props.onSort} />
            ))}
          </div>
        </div>
        <div
          className="ap-table__body"
          role="rowgroup"
          style={vars({ "--ap-height": `${virtual.getTotalSize()}px` })}
        >
          {items.map((item) => {
            const row = rows.at(item.index);
            return (
              <BodyRow
                key={item.key}
                index={item.index}
                start={item.start}
                row={row as unknown}
                list={list as unknown as ListOf<unknown>}
                columns={columns as unknown as readonly Column<unknown>[]}
                chosen={row !== undefined && selected.has(list.row(row).key)}
                toggle={onSelect ? toggle : null}
              />
            );
          })}
        </div>
      </div>
      {rows.total === 0 && (
        <div className="ap-empty">
          {!props.query && props.empty}
          {props.query && (
            <>
              <p className="ap-strong">{t.none}</p>
              <p>{t.noneHint}</p>
              <button type="button" className="ap-button" onClick={props.onClear}>
                {t.clear}
              </button>
            </>
          )}
        </div>
      )}
    </div>
  );
}

/** The columns in view, in their order, as TanStack Table keeps them. */
function useVisible<T>(columns: readonly Column<T>[], shown: readonly string[]): readonly Column<T>[] {
  const defined = useMemo<ColumnDef<T>[]>(
    () => columns.map((one) => ({ id: one.key, accessorFn: one.text, meta: one })),
    [columns],
  );
  const columnVisibility = useMemo(
    () => Object.fromEntries(columns.map((one) => [one.key, shown.includes(one.key)])),
    [columns, shown],
  );
  const none = useMemo<T[]>(() => [], []);
  const table = useReactTable<T>({
    data: none,
    columns: defined,
    state: { columnVisibility },
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    manualFiltering: true,
  });
  const visible = table.getVisibleLeafColumns();
  return useMemo(() => visible.map((one) => one.columnDef.meta as Column<T>), [visible]);
}

function Head<T>({ column, query, onSort }: { column: Column<T>; query: string; onSort: (field: string) => void }) {
  const t = useWords(words);
  const now = orderOf(query);
  const mine = column.order !== undefined && now?.field === column.order;
  const sort = mine ? (now.down ? "descending" : "ascending") : "none";
  return (
    <div
      role="columnheader"
      className={`ap-table__cell${column.end ? " ap-table__cell--end" : ""}`}
      {...(column.order && { "aria-sort": sort as "ascending" | "descending" | "none" })}
    >
      {column.order ? (
        <button
          type="button"
          className="ap-table__sort"
          title={t.sortBy(column.title)}
          onClick={() => onSort(column.order ?? "")}
        >
          {column.title} {mine && <Icon name={now.down ? "down" : "up"} />}
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}

function SelectSeen<T>(props: TableProps<T> & { from: number; to: number }) {
  const t = useWords(words);
  const seen: [string, string][] = [];
  for (let index = props.from; index <= props.to; index += 1) {
    const row = props.rows.at(index);
    if (row) {
      const { key, name } = props.list.row(row);
      seen.push([key, name]);
    }
  }
  const all = seen.length > 0 && seen.every(([key]) => props.selected.has(key));
  function change(): void {
    const next = new Map(props.selected);
    for (const [key, name] of seen) {
      if (all) next.delete(key);
      else next.set(key, name);
    }
    props.onSelect?.(next);
  }
  return (
    <div role="columnheader" className="ap-table__cell ap-table__check">
      <input type="checkbox" aria-label={t.selectSeen} checked={all} onChange={change} />
    </div>
  );
}

interface BodyRowProps {
  readonly index: number;
  readonly start: number;
  readonly row: unknown;
  readonly list: ListOf<unknown>;
  readonly columns: readonly Column<unknown>[];
  readonly chosen: boolean;
  readonly toggle: ((index: number, range: boolean) => void) | null;
}

const BodyRow = memo(function BodyRow({ index, start, row, list, columns, chosen, toggle }: BodyRowProps) {
  const t = useWords(words);
  const name = row === undefined ? t.loadingRow : list.row(row).name;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      className={`ap-table__row ap-table__row--body${chosen ? " ap-table__row--chosen" : ""}`}
      {...(toggle && { "aria-selected": chosen })}
      style={vars({ "--ap-y": `${start}px` })}
    >
      {toggle && (
        <div role="cell" className="ap-table__cell ap-table__check">
          <input
            type="checkbox"
            aria-label={t.select(name)}
            checked={chosen}
            disabled={row === undefined}
            onChange={() => undefined}
            onClick={(event: MouseEvent) => toggle(index, event.shiftKey)}
          />
        </div>
      )}
      {columns.map((column) => (
        <div
          key={column.key}
          role="cell"
          className={`ap-table__cell ap-cut${column.end ? " ap-table__cell--end" : ""}`}
        >
          {row === undefined ? <span className="ap-least">…</span> : column.cell(row)}
        </div>
      ))}
    </div>
  );
});
