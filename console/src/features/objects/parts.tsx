/** Parts of every object's page: facts, history, plans, events, rules. */
import { useState, type ReactNode } from "react";
import { Link } from "wouter";
import { useQueries } from "@tanstack/react-query";
import { get } from "../../api/client";
import { useRead, useRows } from "../../api/queries";
import type { Event, History, Page, Policy } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, percent, rate } from "../../i18n/format";
import { written } from "../../search/query";
import { Chart } from "../../ui/Chart";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
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
        <p className="ap-least">{t.nothingMeasured}</p>
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
        {found.data && plans.length === 0 && <p className="ap-least">{t.noPlans}</p>}
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
        {found.data && items.length === 0 && <p className="ap-least">{t.noEvents}</p>}
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

const MOST_RULES = 40;

/** The policies whose scope holds for a VM, or for the VMs of a host. */
export function Rules({ binds }: { binds: string }) {
  const t = useWords(words);
  const policies = useRows<Policy>("/policies", { q: "enabled = yes", limit: MOST_RULES });
  const known = policies.data?.items ?? [];
  const bound = useQueries({
    queries: known.map((one) => {
      const scope = one.scope.replace(/^\s*vms?\s+(where\s+)?/i, "").trim();
      const q = scope ? `(${scope}) and ${binds}` : binds;
      return {
        queryKey: ["/vms", { q, limit: 1, rule: one.id }],
        queryFn: ({ signal }: { signal: AbortSignal }) => get<Page<unknown>>("/vms", { q, limit: 1 }, signal),
      };
    }),
  });
  const mine = known.filter((_, index) => (bound[index]?.data?.total ?? 0) > 0);
  const asking = policies.isPending || bound.some((one) => one.isPending);
  return (
    <Card title={t.rules}>
      {policies.error && <ProblemBox problem={policies.error} />}
      {asking && <Waiting />}
      {!asking && mine.length === 0 && <p className="ap-least">{t.noRules}</p>}
      <ul className="ap-lines">
        {mine.map((one) => (
          <li key={one.id}>
            <Link href={`/policies?q=${encodeURIComponent(`name = ${written(one.id)}`)}`}>{one.id}</Link>
            <span className="ap-subtle">{one.rule.kind}</span>
            {one.breaches.length > 0 && <State name="warning" />}
          </li>
        ))}
      </ul>
    </Card>
  );
}
