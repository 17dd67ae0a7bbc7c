/** What runs now and what waits for a decision, on every page; opened, all of it. */
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { useRows } from "../api/queries";
import type { OperationRow, PlanRow } from "../api/types";
import { bilingual, useWords } from "../i18n";
import { span } from "../i18n/format";
import { Bar } from "../ui/Bar";
import { Icon } from "../ui/Icon";
import { Moment } from "../ui/Moment";
import { State } from "../ui/State";

const words = bilingual(
  {
    label: "Tasks",
    open: "Show all tasks",
    close: "Hide the tasks",
    nothing: "Nothing runs.",
    step: (done: number, all: number) => `step ${Math.min(done + 1, all)} of ${all}`,
    left: (time: string) => `about ${time} left`,
    running: (n: number) => (n === 1 ? "1 plan running" : `${n} plans running`),
    waiting: (n: number) => (n === 1 ? "1 plan waits for approval" : `${n} plans wait for approval`),
    ended: "Ended lately",
  },
  {
    label: "Aufgaben",
    open: "Alle Aufgaben zeigen",
    close: "Aufgaben verbergen",
    nothing: "Nichts läuft.",
    step: (done: number, all: number) => `Schritt ${Math.min(done + 1, all)} von ${all}`,
    left: (time: string) => `noch etwa ${time}`,
    running: (n: number) => (n === 1 ? "1 Plan läuft" : `${n} Pläne laufen`),
    waiting: (n: number) =>
      n === 1 ? "1 Plan wartet auf Freigabe" : `${n} Pläne warten auf Freigabe`,
    ended: "Jüngst beendet",
  },
);

/** Seconds that are left, if it goes on as it went so far. */
function left(one: OperationRow): number | null {
  if (!one.started_at || one.progress_percent < 5 || one.state !== "running") return null;
  const took = Date.now() / 1000 - one.started_at;
  return (took * (100 - one.progress_percent)) / one.progress_percent;
}

export function TaskBar() {
  const t = useWords(words);
  const [open, setOpen] = useState(false);
  const [place] = useLocation();
  const running = useRows<OperationRow>("/operations", {
    q: "state in (running, paused, needs-human, interrupted)",
    limit: 50,
  });
  const waiting = useRows<PlanRow>("/plans", { q: "state = recommended", limit: 1 });
  const first = running.data?.items[0];
  const rest = first ? left(first) : null;
  useEffect(() => setOpen(false), [place]);
  return (
    <footer className="ap-taskbar" aria-label={t.label}>
      {first ? (
        <>
          <Icon name="progress" tone="running" />
          <Link href={`/plans/${first.plan}`} className="ap-strong ap-cut">
            {first.goal}
          </Link>
          <span className="ap-taskbar__more">{t.step(first.steps_done, first.steps_total)}</span>
          <Bar percent={first.progress_percent} running label={first.goal} />
          {rest !== null && <span className="ap-taskbar__more">{t.left(span(rest))}</span>}
        </>
      ) : (
        <span>{t.nothing}</span>
      )}
      <span className="ap-grow" />
      {running.data && running.data.total > 0 && (
        <span className="ap-taskbar__more">{t.running(running.data.total)}</span>
      )}
      {waiting.data && waiting.data.total > 0 && (
        <Link href="/plans?q=state%20%3D%20recommended" className="ap-plan">
          {t.waiting(waiting.data.total)}
        </Link>
      )}
      <button
        type="button"
        className="ap-button ap-button--plain ap-taskbar__open"
        aria-label={open ? t.close : t.open}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name={open ? "down" : "up"} />
      </button>
      {open && <All running={running.data?.items ?? []} />}
    </footer>
  );
}

function All({ running }: { running: readonly OperationRow[] }) {
  const t = useWords(words);
  const ended = useRows<OperationRow>("/operations", {
    q: "state in (done, failed, cancelled)",
    limit: 10,
  });
  return (
    <section className="ap-tasks" aria-label={t.label}>
      <ul>
        {running.map((one) => (
          <Task key={one.id} task={one} />
        ))}
      </ul>
      <h2>{t.ended}</h2>
      <ul>
        {(ended.data?.items ?? []).map((one) => (
          <Task key={one.id} task={one} />
        ))}
      </ul>
    </section>
  );
}

function Task({ task }: { task: OperationRow }) {
  return (
    <li className="ap-row">
      <Link href={`/plans/${task.plan}`} className="ap-cut ap-grow">
        {task.goal}
      </Link>
      <Bar percent={task.progress_percent} running={!task.ended_at} label={task.goal} />
      <State name={task.state} of="run" />
      <span className="ap-least">
        <Moment at={task.ended_at ?? task.started_at} />
      </span>
    </li>
  );
}
