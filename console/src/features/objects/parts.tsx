/** Parts of every object's page: facts, history, plans, events, rules. */
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Bindings, Event, History, PlanRow } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, percent, rate } from "../../i18n/format";
import { written } from "../../search/query";
import { Chart } from "../../ui/Chart";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { Beginning } from "../wizards/Beginning";
import { words } from "./words";

export function Card({ title, children, wide }: { title: string; children: ReactNode; wide?: boolean }) {
  return (
    <section className={`ap-card ap-card--padded ap-object__card${wide ? " ap-object__card--wide" : ""}`}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="ap-facts">
      {of
        .filter(([, value]) => value !== "" && value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const PERIODS = { hour: 3600, day: 86_400, week: 604_800, month: 2_678_400, year: 31_536_000 } as const;
type Period = keyof typeof PERIODS;

interface Drawn {
  readonly key: "cpu" | "memory" | "disk" | "net";
  readonly metrics: readonly (readonly [string, "busy" | "used" | "read" | "written" | "received" | "sent"])[];
  readonly written: (value: number) => string;
}

const DRAWN: readonly Drawn[] = [
  { key: "cpu", metrics: [["cpu_percent", "busy"]], written: percent },
  { key: "memory", metrics: [["memory_used_mib", "used"]], written: mib },
  { key: "disk", metrics: [["disk_read_bytes_s", "read"], ["disk_written_bytes_s", "written"]], written: rate },
  { key: "net", metrics: [["net_received_bytes_s", "received"], ["net_sent_bytes_s", "sent"]], written: rate },
];

/** Four charts over one period, read again each minute. */
export function Loads({ path, name }: { path: string; name: string }) {
  const t = useWords(words);
  const [period, setPeriod] = useState<Period>("hour");
  const found = useRead<History>(`${path}/history`, { since: -PERIODS[period] }, { refetchInterval: 60_000 });
  return (
    <Card title={t.history} wide>
      <div className="ap-toggle" role="group" aria-label={t.period}>
        {(Object.keys(PERIODS) as Period[]).map((one) => (
          <button key={one} type="button" aria-pressed={one === period} onClick={() => setPeriod(one)}>
            {t.periods[one]}
          </button>
        ))}
      </div>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data && (
        <div className="ap-object__charts">
          {DRAWN.map((one) => (
            <OneChart key={one.key} drawn={one} history={found.data} name={name} />
          ))}
        </div>
      )}
    </Card>
  );
}

function OneChart({ drawn, history, name }: { drawn: Drawn; history: History; name: string }) {
  const t = useWords(words);
  const columns = drawn.metrics.map(([metric, word]) => ({ word, column: history.metrics[metric] }));
  const first = columns[0]?.column;
  const measured = columns.some((one) => one.column?.mean.some((value) => value !== null));
  const { p95, max } = first?.whole ?? { p95: null, max: null };
  return (
    <div>
      <h3>{t.charts[drawn.key]}</h3>
      {measured ? (
        <>
          <Chart
            times={history.times}
            lines={columns.map((one) => ({ label: t[one.word], values: one.column?.mean ?? [] }))}
            written={drawn.written}
            label={`${t.charts[drawn.key]}: ${name}`}
          />
          {p95 !== null && max !== null && (
            <p className="ap-small ap-subtle">{t.spread(drawn.written(p95), drawn.written(max))}</p>
          )}
        </>
      ) : (
        <p className="ap-subtle">{t.nothingMeasured}</p>
      )}
    </div>
  );
}

/** The newest events of an object, and the plans that they name. */
export function Past({ kind, id }: { kind: string; id: string }) {
  const t = useWords(words);
  const q = `subject-kind = ${kind} and subject = ${written(id)}`;
  const found = useRows<Event>("/events", { q, limit: 50 });
  const items = found.data?.items ?? [];
  const plans = [...new Map(items.filter((one) => one.plan).map((one) => [one.plan, one])).values()];
  return (
    <>
      <Card title={t.plans}>
        {!found.data && !found.error && <Waiting />}
        {found.data && plans.length === 0 && <p className="ap-subtle">{t.noPlans}</p>}
        <ul className="ap-lines">
          {plans.map((one) => (
            <li key={one.plan}>
              <Link href={`/plans/${one.plan}`} className="ap-cut">
                {one.message}
              </Link>{" "}
              <span className="ap-small ap-least">
                <Moment at={one.at} />
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <Card title={t.events}>
        {found.error && <ProblemBox problem={found.error} />}
        {found.data && items.length === 0 && <p className="ap-subtle">{t.noEvents}</p>}
        <ul className="ap-lines">
          {items.slice(0, 10).map((one) => (
            <li key={one.number}>
              <State name={one.severity} /> <span className="ap-grow">{one.message}</span>{" "}
              <span className="ap-small ap-least">
                <Moment at={one.at} />
              </span>
            </li>
          ))}
        </ul>
        {items.length > 0 && <Link href={`/events?q=${encodeURIComponent(q)}`}>{t.allEvents}</Link>}
      </Card>
    </>
  );
}

/** The policies that bind an object, itself or through its VMs and hosts. */
export function Rules({ kind, id }: { kind: string; id: string }) {
  const t = useWords(words);
  const found = useRead<Bindings>(`/bindings/${kind}/${encodeURIComponent(id)}`);
  return (
    <Card title={t.rules}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data?.items.length === 0 && <p className="ap-subtle">{t.noRules}</p>}
      <ul className="ap-lines">
        {(found.data?.items ?? []).map((one) => (
          <li key={one.policy}>
            <Link href={`/policies/${encodeURIComponent(one.policy)}`}>{one.policy}</Link>
            <span className="ap-subtle">{one.rule}</span>
            {one.strength === "should" && <span className="ap-label">{t.wish}</span>}
            <span className="ap-grow" />
            {kind !== "vm" && <span className="ap-small ap-subtle">{t.boundBy(one.vms, one.hosts)}</span>}
          </li>
        ))}
      </ul>
      {found.data && (
        <p>
          <Beginning to="/policies/new" path="/policies/new" />
        </p>
      )}
    </Card>
  );
}

/** The newest plans of a query. */
export function Plans({ q }: { q: string }) {
  const t = useWords(words);
  const found = useRows<PlanRow>("/plans", { q, limit: 10 });
  return (
    <Card title={t.plansOf}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data?.items.length === 0 && <p className="ap-subtle">{t.noPlansOf}</p>}
      <ul className="ap-lines">
        {(found.data?.items ?? []).map((one) => (
          <li key={one.id}>
            <State name={one.state} of="run" />
            <Link href={`/plans/${one.id}`} className="ap-cut ap-grow">
              {one.goal}
            </Link>
            <span className="ap-small ap-least">
              <Moment at={one.created_at} />
            </span>
          </li>
        ))}
      </ul>
      {(found.data?.total ?? 0) > 10 && <Link href={`/plans?q=${encodeURIComponent(q)}`}>{t.allPlans}</Link>}
    </Card>
  );
}
