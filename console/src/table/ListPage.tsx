/** The page of a list: what is asked is in its address, so that every filter is a link. */
import { useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { useLocation, useSearch } from "wouter";
import { useWords } from "../i18n";
import { number } from "../i18n/format";
import { reordered } from "../search/query";
import { Icon } from "../ui/Icon";
import { BulkBar, type Bulk } from "./BulkBar";
import { csv } from "./cells";
import type { ListOf } from "./column";
import { everything, give } from "./csv";
import { Facets } from "./Facets";
import { ObjectTable } from "./ObjectTable";
import { PAGE, useGrowing, useJumping, type Rows } from "./rows";
import { words } from "./words";

interface Props<T> {
  readonly title: string;
  readonly list: ListOf<T>;
  readonly bulk?: readonly Bulk<T>[];
  readonly actions?: ReactNode;
  /** What is said where there is nothing at all: what to do next. */
  readonly empty: ReactNode;
  /** The same things as a tree. */
  readonly tree?: (query: string) => ReactNode;
}

/** Records are read on this many rows before their end comes into view. */
const AHEAD = 20;
const NOBODY: ReadonlyMap<string, string> = new Map();

export function ListPage<T>(props: Props<T>) {
  return props.list.jumps ? <Jumping {...props} /> : <Growing {...props} />;
}

interface Asked {
  readonly q: string;
  readonly view: string;
  readonly ask: (q: string, view?: string) => void;
}

function useAsked(): Asked {
  const [place, go] = useLocation();
  const given = new URLSearchParams(useSearch());
  const q = given.get("q") ?? "";
  const view = given.get("view") ?? "";
  const ask = useCallback(
    (next: string, nextView = view) => {
      const text = new URLSearchParams({ ...(next && { q: next }), ...(nextView && { view: nextView }) });
      go(place + (text.size ? `?${text}` : ""), { replace: false });
    },
    [go, place, view],
  );
  return { q, view, ask };
}

function Jumping<T>(props: Props<T>) {
  const asked = useAsked();
  // By pages: whoever scrolls through one draws the rows that come, and nothing else anew.
  const [from, setFrom] = useState(0);
  const [to, setTo] = useState(0);
  const facets = (props.list.facets ?? []).map((one) => one.field).join(",");
  const rows = useJumping<T>(props.list.path, asked.q, facets, from, to);
  const seen = useCallback((first: number, last: number) => {
    setFrom(Math.floor(first / PAGE));
    setTo(Math.floor(last / PAGE));
  }, []);
  return <Whole {...props} asked={asked} rows={rows} onView={seen} />;
}

function Growing<T>(props: Props<T>) {
  const asked = useAsked();
  const [to, setTo] = useState(0);
  const rows = useGrowing<T>(props.list.path, asked.q, to);
  const seen = useCallback((_: number, last: number) => setTo(Math.ceil((last + 1) / AHEAD) * AHEAD), []);
  return <Whole {...props} asked={asked} rows={rows} onView={seen} />;
}

interface WholeProps<T> extends Props<T> {
  readonly asked: Asked;
  readonly rows: Rows<T>;
  readonly onView: (from: number, to: number) => void;
}

function Whole<T>({ title, list, bulk, actions, empty, tree, asked, rows, onView }: WholeProps<T>) {
  const t = useWords(words);
  const [shown, setShown] = useShown(list);
  const [selected, setSelected] = useState(NOBODY);
  const { q, view, ask } = asked;
  useEffect(() => setSelected(NOBODY), [list.path]);
  const inTree = tree !== undefined && view === "tree";
  const nothing = !q && rows.first?.total === 0;
  const withFacets = (list.facets?.length ?? 0) > 0 && !inTree && !nothing;
  return (
    <div className={`ap-list${withFacets ? "" : " ap-list--plain"}`}>
      <div className="ap-list__head">
        <h1>{title}</h1>
        <span className="ap-subtle">{rows.first && !nothing && t.of(number(rows.first.total))}</span>
        <span className="ap-grow" />
        {tree && (
          <div className="ap-toggle" role="group" aria-label={t.view}>
            <button type="button" aria-pressed={!inTree} onClick={() => ask(q, "")}>
              <Icon name="table" /> {t.table}
            </button>
            <button type="button" aria-pressed={inTree} onClick={() => ask(q, "tree")}>
              <Icon name="tree" /> {t.tree}
            </button>
          </div>
        )}
        {!inTree && <ColumnsMenu list={list} shown={shown} onShown={setShown} />}
        {!inTree && <CsvButton list={list} shown={shown} q={q} name={title} />}
        {actions}
      </div>
      {withFacets && (
        <Facets facets={rows.facets} titles={list.facets ?? []} query={q} onQuery={ask} />
      )}
      <div className="ap-list__body">
        {inTree ? (
          tree(q)
        ) : (
          <ObjectTable
            list={list}
            label={title}
            query={q}
            rows={rows}
            shown={shown}
            selected={selected}
            onSelect={bulk ? setSelected : null}
            onSort={(field) => ask(reordered(q, field))}
            onView={onView}
            onClear={() => ask("")}
            empty={empty}
          />
        )}
        {bulk && !inTree && selected.size > 0 && (
          <BulkBar
            actions={bulk}
            list={list}
            query={q}
            total={rows.first?.total ?? 0}
            selected={selected}
            onSelect={setSelected}
          />
        )}
      </div>
    </div>
  );
}

/** Which columns are in view, kept in this browser. */
function useShown<T>(list: ListOf<T>): [readonly string[], (next: readonly string[]) => void] {
  const name = `anypool.columns${list.path}`;
  const usual = useMemo(() => list.columns.filter((one) => !one.hidden).map((one) => one.key), [list]);
  const [chosen, setChosen] = useState<readonly string[] | null>(() => kept(name));
  return [
    chosen ?? usual,
    (next) => {
      localStorage.setItem(name, JSON.stringify(next));
      setChosen(next);
    },
  ];
}

function kept(name: string): readonly string[] | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    return Array.isArray(found) && found.length > 0 ? found.map(String) : null;
  } catch {
    return null;
  }
}

function ColumnsMenu<T>({ list, shown, onShown }: {
  list: ListOf<T>;
  shown: readonly string[];
  onShown: (next: readonly string[]) => void;
}) {
  const t = useWords(words);
  return (
    <details className="ap-drop">
      <summary className="ap-button">
        <Icon name="columns" /> {t.columns}
      </summary>
      <div className="ap-drop__menu ap-choices">
        {list.columns.map((column, index) => (
          <label key={column.key}>
            <input
              type="checkbox"
              checked={shown.includes(column.key)}
              disabled={index === 0}
              onChange={() => onShown(
                shown.includes(column.key)
                  ? shown.filter((one) => one !== column.key)
                  : [...shown, column.key],
              )}
            />
            {column.title}
          </label>
        ))}
      </div>
    </details>
  );
}

function CsvButton<T>({ list, shown, q, name }: {
  list: ListOf<T>;
  shown: readonly string[];
  q: string;
  name: string;
}) {
  const t = useWords(words);
  const [says, setSays] = useState<string | null>(null);
  async function copy(): Promise<void> {
    setSays(t.csvCopying);
    try {
      const rows = await everything<T>(list.path, q);
      const columns = list.columns.filter((one) => shown.includes(one.key));
      setSays(t.csvDone[await give(csv(columns, rows), `${name}.csv`)]);
    } catch (error) {
      setSays(error instanceof Error ? error.message : String(error));
    }
    setTimeout(() => setSays(null), 4_000);
  }
  return (
    <button type="button" className="ap-button" onClick={() => void copy()}>
      <Icon name="copy" /> <span aria-live="polite">{says ?? t.csv}</span>
    </button>
  );
}
