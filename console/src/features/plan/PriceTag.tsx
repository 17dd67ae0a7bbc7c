/** What a plan costs, beside what it took once it has run. */
import type { Operation, Plan } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, span } from "../../i18n/format";
import { words } from "./words";

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly beside: string;
}

export function PriceTag({ plan, operation }: { plan: Plan; operation: Operation | null }) {
  const t = useWords(words);
  const { cost } = plan;
  const took = operation?.took ?? null;
  const learnt = (plan.corrections ?? []).reduce((sum, one) => sum + one.samples, 0);
  const figures: Figure[] = [
    {
      label: t.stepsFigure,
      value: number(plan.steps.length),
      beside: operation ? t.done(operation.steps_done) : "",
    },
    {
      label: t.copies,
      value: cost.copy_bytes ? bytes(cost.copy_bytes) : t.none,
      beside: took ? t.was(bytes(took.copy_bytes)) : "",
    },
    {
      label: t.takes,
      value: span(cost.duration_ms / 1000),
      beside: took ? t.was(span(took.duration_ms / 1000)) : learnt ? t.corrected(learnt) : t.uncorrected,
    },
    {
      label: t.longestPause,
      value: cost.pause_ms ? `${number(cost.pause_ms)} ms` : t.none,
      beside: took ? t.was(`${number(took.pause_ms)} ms`) : "",
    },
    { label: t.energy, value: `${number(cost.energy_j / 3600, 1)} Wh`, beside: "" },
  ];
  return (
    <section className="ap-card ap-price" aria-label={t.price}>
      {figures.map((one) => (
        <div key={one.label} className="ap-price__one">
          <span className="ap-small ap-subtle">{one.label}</span>
          <span className="ap-price__value">{one.value}</span>
          <span className={`ap-small ${took ? "ap-running" : "ap-least"}`}>{one.beside}</span>
        </div>
      ))}
      {plan.bounds.length > 0 && (
        <div className="ap-price__one ap-price__best">
          <span className="ap-small ap-subtle">{t.best}</span>
          <ul>
            {plan.bounds.map((one) => (
              <li key={one.what} className="ap-small">
                <Best one={one} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Best({ one }: { one: Plan["bounds"][number] }) {
  const t = useWords(words);
  const written = (value: number): string =>
    one.what === "time" ? span(value / 1000) : one.what === "imbalance" ? `${number(value / 100, 2)} %` : number(value);
  const gap =
    one.reached === one.bound ? t.proven : one.gap_percent === null ? "" : t.within(`${number(one.gap_percent, 1)} %`);
  return (
    <>
      <span className="ap-strong">{t.bestAre[one.what as keyof typeof t.bestAre] ?? one.what}</span>{" "}
      {t.reached(written(one.reached), written(one.bound))}
      {gap && <span className="ap-plan"> · {gap}</span>}
    </>
  );
}
