/** One incident: on one axis what was seen, decided, proved and done, then the story in sentences. */
import { useState } from "react";
import { Link, useParams } from "wouter";
import { useQueries } from "@tanstack/react-query";
import { get } from "../../api/client";
import { useRead } from "../../api/queries";
import type { Operation, TimeLine } from "../../api/types";
import { useWords } from "../../i18n";
import { moment, number, span } from "../../i18n/format";
import { layoutLanes, LANE, type Started } from "../../pictures/lanes";
import "../../pictures/pictures.css";
import { arrows, pretty } from "../../pictures/pretty";
import { clock } from "../../pictures/time";
import { useWidth } from "../../pictures/useWidth";
import { Icon, type IconName } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import "./incident.css";
import { words } from "./words";

const LEFT = 116;
const NARROW = 480;
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
  const [box, width] = useWidth<HTMLDivElement>();
  const now = end || Date.now() / 1000;
  const drawing = layoutLanes(entries, startedOf(operations), Math.max(width, NARROW), LEFT, now);
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="lanes">
      <div className="ap-row ap-row--wrap">
        <h2 id="lanes">{t.picture}</h2>
        <span className="ap-small ap-least ap-grow">{t.sinceFirst}</span>
        {drawing.starts.spans.length > 0 && (
          <span className="ap-small">
            <span className="ap-running">{t.actual}</span>, <span className="ap-plan">{t.plannedLine}</span>
          </span>
        )}
      </div>
      <div ref={box} className="ap-lanes">
        {width >= NARROW && (
          <svg width={width} height={drawing.height} aria-hidden="true">
            {drawing.lines.map((line) => (
              <g key={line.seconds}>
                <line x1={line.x} x2={line.x} y1="20" y2={drawing.height} className="ap-axis" />
                <text x={line.x} y="12" textAnchor="middle">
                  {clock(line.seconds)}
                </text>
              </g>
            ))}
            {drawing.lanes.map((lane) => (
              <g key={lane.what}>
                <line x1="0" x2={width} y1={lane.y + LANE} y2={lane.y + LANE} className="ap-axis" />
                <text x="0" y={lane.y + 22} className="ap-lanes__name">
                  {t.lanes[lane.what as keyof typeof t.lanes] ?? lane.what}
                </text>
                {lane.marks.map((mark) => (
                  <path
                    key={mark.index}
                    d={shape(lane.what, mark.x, lane.y + LANE / 2)}
                    className={`ap-mark ap-mark--${lane.what}`}
                  >
                    <title>{entries[mark.index]?.message}</title>
                  </path>
                ))}
              </g>
            ))}
            {drawing.starts.spans.length > 0 && (
              <text x="0" y={drawing.starts.y + 22} className="ap-lanes__name">
                {t.starts}
              </text>
            )}
            {drawing.starts.spans.map((one, index) => (
              <g key={index}>
                <line x1={one.x} x2={one.x + one.planned} y1={one.y + 3.5} y2={one.y + 3.5} className="ap-span--planned" />
                <line x1={one.x} x2={one.x + one.width} y1={one.y} y2={one.y} className="ap-span">
                  <title>{one.name}</title>
                </line>
              </g>
            ))}
          </svg>
        )}
      </div>
    </section>
  );
}

/** Each lane has a mark of its own, so that colour need not say it. */
function shape(what: string, x: number, y: number): string {
  if (what === "observation") return `M${x} ${y - 8}v16`;
  if (what === "plan" || what === "decision") return `M${x} ${y - 7}l7 7l-7 7l-7 -7z`;
  if (what === "proof") return `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`;
  if (what === "deed") return `M${x - 4} ${y - 7}l11 7l-11 7z`;
  return `M${x - 5} ${y - 5}h10v10h-10z`;
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
