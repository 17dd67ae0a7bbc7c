/** What runs now and what waits for a decision, on every page. */
import { Link } from "wouter";
import { useRows } from "../api/queries";
import type { OperationRow, PlanRow } from "../api/types";
import { useWords } from "../i18n";
import { bilingual } from "../i18n";
import { Icon } from "../ui/Icon";
import { Bar } from "../ui/Bar";

const words = bilingual(
  {
    label: "Tasks",
    nothing: "Nothing runs.",
    step: (done: number, all: number) => `step ${Math.min(done + 1, all)} of ${all}`,
    running: (n: number) => (n === 1 ? "1 plan running" : `${n} plans running`),
    waiting: (n: number) => (n === 1 ? "1 plan waits for approval" : `${n} plans wait for approval`),
  },
  {
    label: "Aufgaben",
    nothing: "Nichts läuft.",
    step: (done: number, all: number) => `Schritt ${Math.min(done + 1, all)} von ${all}`,
    running: (n: number) => (n === 1 ? "1 Plan läuft" : `${n} Pläne laufen`),
    waiting: (n: number) =>
      n === 1 ? "1 Plan wartet auf Freigabe" : `${n} Pläne warten auf Freigabe`,
  },
);

export function TaskBar() {
  const t = useWords(words);
  const running = useRows<OperationRow>("/operations", {
    q: "state in (running, paused, needs-human)",
    limit: 20,
  });
  const waiting = useRows<PlanRow>("/plans", { q: "state = recommended", limit: 1 });
  const first = running.data?.items[0];
  return (
    <footer className="ap-taskbar" aria-label={t.label}>
      {first ? (
        <>
          <Icon name="progress" tone="running" />
          <Link href={`/plans/${first.plan}`} className="ap-strong ap-cut">
            {first.goal}
          </Link>
          <span>{t.step(first.steps_done, first.steps_total)}</span>
          <Bar percent={first.progress_percent} running label={first.goal} />
        </>
      ) : (
        <span>{t.nothing}</span>
      )}
      <span className="ap-grow" />
      {running.data && running.data.total > 0 && <span>{t.running(running.data.total)}</span>}
      {waiting.data && waiting.data.total > 0 && (
        <Link href="/plans?q=state%20%3D%20recommended" className="ap-plan">
          {t.waiting(waiting.data.total)}
        </Link>
      )}
    </footer>
  );
}
