/** One incident: on one axis what was seen, decided, proved and done, then the story in sentences. */
import { useState } from "react";
import { Link, useParams } from "wouter";
import { useQueries } from "@tanstack/react-query";
import { get } from "../../api/client";
import { useRead } from "../../api/queries";
import type { Operation, TimeLine } from "../../api/types";
import { useWords } from "../../i18n";
import { moment, number, span } from "../../i18n/format";
import type { Started } from "../../pictures/lanes";
import "../../pictures/pictures.css";
import { arrows, pretty } from "../../pictures/pretty";
import { Icon, type IconName } from "../../ui/Icon";
import { LanesPicture } from "../../ui/LanesPicture";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { Certificates } from "./Certificates";
import "./incident.css";
import { words } from "./words";

const FIRST = 80;
const ICONS: Readonly<Record<string, IconName>> = {
  observation: "eye",
  decision: "info",
  proof: "skull",
  plan: "route",
  deed: "play",
  person: "users",
  event: "bell",
  incident: "history",
};
const TONES: Readonly<Record<string, string>> = { proof: "loss", plan: "plan", deed: "running", observation: "warn" };

type Entries = TimeLine["entries"];

export default function IncidentPage() {
  const t = useWords(words);
  const { id } = useParams<{ id: string }>();
  const key = decodeURIComponent(id ?? "");
  const found = useRead<TimeLine>(`/ha/incidents/${encodeURIComponent(key)}`);
  const runs = [...new Set((found.data?.entries ?? []).map((one) => one.operation).filter(Boolean))].slice(0, 20);
  const operations = useQueries({
    queries: runs.map((run) => ({
      queryKey: [`/operations/${run}`, {}],
      queryFn: ({ signal }: { signal: AbortSignal }) => get<Operation>(`/operations/${run}`, {}, signal),
    })),
  }).flatMap((one) => (one.data ? [one.data] : []));
  if (found.error)
    return (
      <div className="ap-page">
        <h1>{t.title}</h1>
        <ProblemBox problem={found.error} again={() => void found.refetch()} />
      </div>
    );
  if (!found.data || found.data.incident.id !== key) return <Waiting />;
  const { incident, entries, whole } = found.data;
  return (
    <div className="ap-page ap-incident">
      <nav aria-label={t.crumbs} className="ap-small ap-row">
        <Link href="/incidents">{t.title}</Link> <Icon name="right" /> <span className="ap-cut">{incident.id}</span>
      </nav>
      <div className="ap-page__head">
        <h1>{t.open(moment(incident.began_at))}</h1>
        {!incident.ended_at && <span className="ap-label ap-label--loss">{t.goesOn}</span>}
      </div>
      <p className="ap-subtle">{t.by(incident.policy)}</p>
      <Figures incident={incident} entries={entries} operations={operations} />
      {entries.length > 0 && <Drawn entries={entries} operations={operations} end={incident.ended_at} />}
      <Certificates line={found.data} />
      <Story entries={entries} whole={whole} />
    </div>
  );
}

function Figures({ incident, entries, operations }: { incident: TimeLine["incident"]; entries: Entries; operations: readonly Operation[] }) {
  const t = useWords(words);
  const start = Math.min(incident.began_at, ...entries.map((one) => one.at));
  const after = (what: string): string => {
    const at = entries.find((one) => one.what === what)?.at;
    return at === undefined ? t.notYet : span(at - start);
  };
  const done = operations.reduce((sum, one) => sum + one.steps_done, 0);
  const all = operations.reduce((sum, one) => sum + one.steps_total, 0);
  const predicted = Math.max(0, ...operations.map((one) => one.cost.duration_ms / 1000));
  const figures = [
    [t.firstDecision, after("decision"), ""],
    [t.firstProof, after("proof"), ""],
    [t.firstDeed, after("deed"), ""],
    [t.restarted, all ? t.of(done, all) : t.notYet, predicted ? t.predicted(span(predicted)) : ""],
    [t.whole, incident.ended_at ? span(incident.ended_at - start) : t.goesOn, ""],
    [t.entries, number(entries.length), ""],
  ] as const;
  return (
    <dl className="ap-card ap-figures">
      {figures.map(([label, value, beside]) => (
        <div key={label}>
          <dt className="ap-small ap-subtle">{label}</dt>
          <dd>
            <span className="ap-figures__value">{value}</span>
            {beside && <div className="ap-small ap-plan">{beside}</div>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function startedOf(operations: readonly Operation[]): Started[] {
  return operations.flatMap((one) =>
    one.steps.flatMap((step) =>
      step.begun_at
        ? [{ name: step.text, began: step.begun_at, ended: step.ended_at ?? null, planned_s: step.cost.duration_ms / 1000 }]
        : [],
    ),
  );
}

function Drawn({ entries, operations, end }: { entries: Entries; operations: readonly Operation[]; end: number }) {
  const t = useWords(words);
  const steps = startedOf(operations);
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="lanes">
      <div className="ap-row ap-row--wrap">
        <h2 id="lanes">{t.picture}</h2>
        <span className="ap-small ap-least ap-grow">{t.sinceFirst}</span>
        {steps.length > 0 && (
          <span className="ap-small">
            <span className="ap-running">{t.actual}</span>, <span className="ap-plan">{t.plannedLine}</span>
          </span>
        )}
      </div>
      <LanesPicture entries={entries} steps={steps} now={end || Date.now() / 1000} names={t.lanes} stepsName={t.starts} />
    </section>
  );
}

function Story({ entries, whole }: { entries: Entries; whole: boolean }) {
  const t = useWords(words);
  const [all, setAll] = useState(false);
  const shown = all ? entries : entries.slice(0, FIRST);
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="story">
      <h2 id="story">{t.story}</h2>
      {!whole && <p className="ap-warn">{t.notWhole}</p>}
      <ol className="ap-story">
        {shown.map((one, index) => (
          <li key={index}>
            <span className="ap-mono ap-subtle">
              <Moment at={one.at} />
            </span>
            <Icon name={ICONS[one.what] ?? "info"} tone={TONES[one.what] ?? "subtle"} />
            <span>
              <span className="ap-strong">{t.lanes[one.what as keyof typeof t.lanes] ?? one.what}:</span>{" "}
              {one.subject && <span className="ap-strong">{one.subject} </span>}
              {one.what === "plan" ? arrows(pretty(one.message)) : one.message}{" "}
              {one.source && <span className="ap-least">{t.from(one.source)}</span>}{" "}
              {one.plan && <Link href={`/plans/${one.plan}`}>{t.plan}</Link>}
            </span>
          </li>
        ))}
      </ol>
      {shown.length < entries.length && (
        <button type="button" className="ap-button ap-button--link" onClick={() => setAll(true)}>
          {t.showAll(entries.length)}
        </button>
      )}
    </section>
  );
}
