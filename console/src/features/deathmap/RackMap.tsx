/** Racks with their hosts as cells: shade and number are memory, a triangle is what is not covered. */
import { useMemo, useRef, useState } from "react";
import type { Failure, Host } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { LEVELS, loadLevel } from "../../pictures/load";
import { arrange, bare, MOST_CELLS, step } from "../../pictures/racks";
import { Icon } from "../../ui/Icon";
import { words } from "./words";

const ACROSS = 4;

interface Props {
  readonly hosts: readonly Host[];
  readonly failures: readonly Failure[];
  /** How many VMs each host would receive, by its name. */
  readonly takes: ReadonlyMap<string, number>;
  readonly chosen: readonly string[];
  /** `also` adds the host to what fails. */
  readonly point: (host: string, also: boolean) => void;
  readonly choose: (one: Failure) => void;
}

export function RackMap({ hosts, failures, takes, chosen, point, choose }: Props) {
  const t = useWords(words);
  return (
    <section className="ap-stack" aria-label={t.title}>
      <Legend />
      {hosts.length > MOST_CELLS ? (
        <Coarse hosts={hosts} failures={failures} choose={choose} />
      ) : (
        <Fine hosts={hosts} failures={failures} takes={takes} chosen={chosen} point={point} />
      )}
    </section>
  );
}

function Legend() {
  const t = useWords(words);
  return (
    <p className="ap-small ap-row ap-row--wrap ap-subtle">
      {t.legend}
      <span className="ap-legend__loads">
        {LEVELS.map((level, index) => (
          <span key={level} className={`ap-load-${index}`}>
            {level}
          </span>
        ))}
      </span>
      <span>
        <Icon name="warn" tone="loss" /> {t.legendLoss}
      </span>
      <span>
        <span className="ap-legend__takes" aria-hidden="true">
          +n
        </span>{" "}
        {t.legendTakes}
      </span>
      <span>
        <span className="ap-legend__away" aria-hidden="true" /> {t.legendAway}
      </span>
    </p>
  );
}

function percentOf(host: Host): number {
  return Math.round((100 * (host.memory_mib - host.memory_free_mib)) / Math.max(1, host.memory_mib));
}

function Fine({ hosts, failures, takes, chosen, point }: Omit<Props, "choose">) {
  const t = useWords(words);
  const byName = useMemo(() => new Map(hosts.map((one) => [one.name, one])), [hosts]);
  const racks = useMemo(() => arrange(hosts.map((one) => one.name), failures, ACROSS), [hosts, failures]);
  const lost = useMemo(
    () => new Map(failures.filter((one) => one.kind === "host").map((one) => [one.name, one.lost])),
    [failures],
  );
  return (
    <div className="ap-racks">
      {racks.map((rack) => {
        const title = rack.name ? t.rack(bare(rack.name)) : t.noRack;
        return (
          <div key={rack.name} className="ap-rack">
            <div className="ap-row ap-rack__head">
              <strong className="ap-grow ap-cut">{title}</strong>
              <span className="ap-small ap-subtle">{t.hosts(rack.count)}</span>
            </div>
            <Grid
              label={t.map(title)}
              chassis={rack.chassis}
              cell={(name) => {
                const host = byName.get(name);
                if (!host) return null;
                return {
                  host,
                  percent: percentOf(host),
                  lost: lost.get(name) ?? 0,
                  takes: takes.get(name) ?? 0,
                  dies: chosen.includes(name),
                };
              }}
              point={point}
            />
          </div>
        );
      })}
    </div>
  );
}

interface CellData {
  readonly host: Host;
  readonly percent: number;
  readonly lost: number;
  readonly takes: number;
  readonly dies: boolean;
}

interface GridProps {
  readonly label: string;
  readonly chassis: readonly { readonly name: string; readonly rows: readonly (readonly string[])[] }[];
  readonly cell: (name: string) => CellData | null;
  readonly point: (host: string, also: boolean) => void;
}

function Grid({ label, chassis, cell, point }: GridProps) {
  const rows = chassis.flatMap((one) => one.rows);
  const grid = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState("");
  const current = rows.flat().includes(at) ? at : (rows[0]?.[0] ?? "");
  function go(event: React.KeyboardEvent): void {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      point(current, event.shiftKey);
      return;
    }
    const next = step(rows, current, event.key);
    if (next === current) return;
    event.preventDefault();
    setAt(next);
    grid.current?.querySelector<HTMLElement>(`[data-host="${CSS.escape(next)}"]`)?.focus();
  }
  return (
    <div role="grid" aria-label={label} ref={grid} onKeyDown={go} className="ap-rack__grid">
      {chassis.map((one) => (
        <div key={one.name} role="rowgroup" className="ap-chassis">
          {one.name && (
            <span className="ap-chassis__name" aria-hidden="true">
              {bare(one.name)}
            </span>
          )}
          {one.rows.map((row) => (
            <div key={row[0]} role="row" className="ap-rack__row">
              {row.map((name) => {
                const data = cell(name);
                return (
                  data && (
                    <Cell
                      key={name}
                      data={data}
                      reachable={name === current}
                      point={(also) => {
                        setAt(name);
                        point(name, also);
                      }}
                    />
                  )
                );
              })}
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}

function Cell({ data, reachable, point }: { data: CellData; reachable: boolean; point: (also: boolean) => void }) {
  const t = useWords(words);
  const { host, percent, lost, takes, dies } = data;
  const away = host.state !== "up" || host.maintenance;
  const state = host.maintenance && host.state === "up" ? "closed" : host.state;
  const name =
    t.cell(host.name, number(percent), host.vms, lost) +
    (away ? `, ${t.states[state as keyof typeof t.states] ?? state}` : "") +
    (takes ? t.cellTakes(takes) : "") +
    (dies ? t.cellDies : "");
  return (
    <div
      role="gridcell"
      aria-selected={dies}
      title={name}
      tabIndex={reachable ? 0 : -1}
      data-host={host.name}
      className={`ap-cell ap-load-${loadLevel(percent)}${away ? " ap-cell--away" : ""}${dies ? " ap-cell--dies" : ""}${takes ? " ap-cell--takes" : ""}`}
      onClick={(event) => point(event.shiftKey || event.ctrlKey || event.metaKey)}
    >
      <span className="ap-only-read">{name}</span>
      <span className="ap-cell__name ap-cut" aria-hidden="true">
        {host.name}
      </span>
      <span className="ap-cell__mark" aria-hidden="true">
        {dies && <Icon name="skull" />}
        {lost > 0 && <Icon name="warn" tone="loss" />}
        {takes > 0 && <span className="ap-cell__takes">+{takes}</span>}
      </span>
      <span className="ap-cell__percent" aria-hidden="true">
        {away ? (t.states[state as keyof typeof t.states] ?? state) : number(percent)}
      </span>
    </div>
  );
}

/** One cell for each chassis, or rack, where hosts are too many to be seen. */
function Coarse({ hosts, failures, choose }: Pick<Props, "hosts" | "failures" | "choose">) {
  const t = useWords(words);
  const byName = new Map(hosts.map((one) => [one.name, one]));
  const kind = failures.some((one) => one.kind === "chassis") ? "chassis" : "rack";
  return (
    <div className="ap-racks ap-racks--coarse">
      {failures
        .filter((one) => one.kind === kind)
        .map((one) => {
          const worst = Math.max(0, ...one.hosts.map((name) => (byName.has(name) ? percentOf(byName.get(name)!) : 0)));
          return (
            <button key={one.name} type="button" className={`ap-cell ap-load-${loadLevel(worst)}`} onClick={() => choose(one)}>
              <span className="ap-only-read">{t.cell(bare(one.name), number(worst), one.vms, one.lost)}</span>
              <span className="ap-cell__name ap-cut" aria-hidden="true">
                {bare(one.name)}
              </span>
              <span className="ap-cell__mark" aria-hidden="true">{one.lost > 0 && <Icon name="warn" tone="loss" />}</span>
              <span className="ap-cell__percent" aria-hidden="true">
                {number(worst)}
              </span>
            </button>
          );
        })}
    </div>
  );
}
