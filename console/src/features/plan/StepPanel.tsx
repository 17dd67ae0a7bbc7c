/** One step: why, its price beside what it took, which hosts were not chosen, and its deeds. */
import { useState, type ReactNode } from "react";
import { useLive } from "../../api/live";
import { useMay } from "../../api/session";
import type { Operation, Plan, Step } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, span } from "../../i18n/format";
import { pretty } from "../../pictures/pretty";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { useDeed } from "./PlanDeeds";
import { words } from "./words";

const FIRST_REFUSED = 10;

interface Props {
  readonly plan: Plan;
  readonly steps: readonly Step[];
  readonly step: Step;
  readonly operation: Operation | null;
  readonly choose: (step: number) => void;
  /** What else may be done about the step. */
  readonly children?: ReactNode;
}

export function StepPanel({ plan, steps, step, operation, choose, children }: Props) {
  const t = useWords(words);
  const at = steps.findIndex((one) => one.number === step.number);
  return (
    <aside className="ap-card ap-steppanel" aria-label={t.stepOf(step.number)}>
      <div className="ap-steppanel__part">
        <div className="ap-row">
          <span className="ap-stepnumber">{step.number}</span>
          <h2 className="ap-grow">{pretty(step.text)}</h2>
          <Turn to={steps[at - 1]} icon="up" label={t.previousStep} choose={choose} />
          <Turn to={steps[at + 1]} icon="down" label={t.nextStep} choose={choose} />
        </div>
        <p className="ap-subtle">{step.after.length ? t.waitsForSteps(step.after.join(", ")) : t.first}</p>
      </div>
      {step.state && <Standing step={step} operation={operation} />}
      <div className="ap-steppanel__part">
        <h3>{t.reason}</h3>
        <p>{pretty(step.why) || t.noReason}</p>
      </div>
      <Price step={step} />
      {children}
      <Refused plan={plan} step={step} />
    </aside>
  );
}

function Turn({ to, icon, label, choose }: {
  to: Step | undefined;
  icon: "up" | "down";
  label: string;
  choose: (step: number) => void;
}) {
  return (
    <button
      type="button"
      className="ap-button ap-button--plain"
      aria-label={label}
      disabled={!to}
      onClick={() => to && choose(to.number)}
    >
      <Icon name={icon} />
    </button>
  );
}

function Standing({ step, operation }: { step: Step; operation: Operation | null }) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const may = useMay("operator");
  const { busy, problem, perform } = useDeed();
  const path = operation && !operation.ended_at ? `/operations/${operation.id}/steps/${step.number}` : "";
  const stuck = step.state === "failed" || step.state === "needs-human";
  const waits = step.state === "waiting";
  const tone = stuck ? "ap-loss" : step.state === "begun" ? "ap-running" : step.state === "done" ? "ap-ok" : "ap-subtle";
  return (
    <div className="ap-steppanel__part">
      <p className={`ap-strong ${tone}`}>
        <Icon name={stuck ? "warn" : step.state === "done" ? "check" : step.state === "begun" ? "progress" : "clock"} />{" "}
        {t.states[step.state as keyof typeof t.states] ?? step.state}
        {step.attempts > 1 && `, ${t.attempts(step.attempts)}`}
      </p>
      {step.message && <p>{step.message}</p>}
      {path && may && (stuck || waits) && (
        <div className="ap-row ap-row--wrap">
          {stuck && (
            <button type="button" className="ap-button" disabled={!live || busy !== ""} onClick={() => void perform(`${path}/retry`)}>
              <Icon name="undo" /> {t.retry}
            </button>
          )}
          <button type="button" className="ap-button" disabled={!live || busy !== ""} onClick={() => void perform(`${path}/skip`)}>
            <Icon name="minus" /> {t.skip}
          </button>
        </div>
      )}
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}

function Price({ step }: { step: Step }) {
  const t = useWords(words);
  const { cost } = step;
  const figures = [
    [t.copied, cost.copy_bytes ? bytes(cost.copy_bytes) : t.none, step.took_bytes ? bytes(step.took_bytes) : ""],
    [t.takes, span(cost.duration_ms / 1000), step.took_ms ? span(step.took_ms / 1000) : ""],
    [t.pauseWord, cost.pause_ms ? `${number(cost.pause_ms)} ms` : t.none, step.pause_ms ? `${number(step.pause_ms)} ms` : ""],
    [t.energy, cost.energy_j ? `${number(cost.energy_j / 3600, 1)} Wh` : t.none, ""],
  ] as const;
  return (
    <dl className="ap-steppanel__part ap-steppanel__price">
      {figures.map(([label, value, was]) => (
        <div key={label}>
          <dt className="ap-small ap-subtle">{label}</dt>
          <dd>
            <strong>{value}</strong>
            {was && <div className="ap-small ap-running">{t.was(was)}</div>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Refused({ plan, step }: { plan: Plan; step: Step }) {
  const t = useWords(words);
  const [all, setAll] = useState(false);
  const action = step.action as { vm?: string; wish?: { id?: string } };
  const vm = action.vm ?? action.wish?.id ?? "";
  const mine = plan.rejected.filter((one) => one.vm === vm);
  const shown = all ? mine : mine.slice(0, FIRST_REFUSED);
  return (
    <div className="ap-steppanel__part">
      <h3>{t.whyNot}</h3>
      {mine.length === 0 && <p className="ap-subtle">{t.nothingRefused}</p>}
      <ul className="ap-refused">
        {shown.map((one) => (
          <li key={one.host}>
            <Icon name="ban" /> <span className="ap-strong ap-cut">{one.host_name}</span>{" "}
            <span className="ap-subtle">{one.why}</span>
          </li>
        ))}
      </ul>
      {mine.length > shown.length && (
        <button type="button" className="ap-button ap-button--link" onClick={() => setAll(true)}>
          {t.moreRefused(mine.length - shown.length)}
        </button>
      )}
    </div>
  );
}
