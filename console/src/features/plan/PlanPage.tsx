/** One plan: its price, hosts before and after, its steps in time, why, and what one may do. */
import { useEffect, useRef, useState } from "react";
import { Link, useParams, useSearch } from "wouter";
import { useRead } from "../../api/queries";
import type { Operation, Plan, Picture } from "../../api/types";
import { useWords } from "../../i18n";
import "../../pictures/pictures.css";
import { pretty } from "../../pictures/pretty";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { BeforeAfter } from "./BeforeAfter";
import { Beside } from "./Beside";
import { Compared } from "./Compared";
import { Outcome } from "./Outcome";
import { PlanDeeds } from "./PlanDeeds";
import "./plan.css";
import { PriceTag } from "./PriceTag";
import { StepPanel } from "./StepPanel";
import { StepSchedule } from "./StepSchedule";
import { StepOut, TakenOut, type Out } from "./TakeOut";
import { words } from "./words";

export default function PlanPage() {
  const t = useWords(words);
  const { id } = useParams<{ id: string }>();
  const path = `/plans/${encodeURIComponent(id ?? "")}`;
  const plan = useRead<Plan>(path);
  const picture = useRead<Picture>(`${path}/picture`);
  const run = plan.data?.operation;
  const operation = useRead<Operation>(`/operations/${run}`, {}, { enabled: Boolean(run) });
  const [chosen, setChosen] = useState(0);
  const [out, setOut] = useState<readonly Out[]>([]);
  const asked = new URLSearchParams(useSearch()).get("beside") ?? "";
  const drawn = picture.data?.plan === id ? picture.data : null;
  // All of it comes at once: nothing that somebody reads is pushed down by what comes later.
  const came = Boolean(drawn ?? picture.error) && (!run || operation.data?.id === run || operation.error !== null);
  const whole = useRef("");
  useEffect(() => {
    if (came) whole.current = id ?? "";
  });
  if (plan.error) return <Failed problem={plan.error} again={() => void plan.refetch()} />;
  if (!plan.data || plan.data.id !== id) return <Waiting />;
  const seen = plan.data;
  const ran = run && operation.data?.id === run ? operation.data : null;
  const steps = ran?.steps ?? seen.steps;
  const current =
    steps.find((one) => one.number === chosen) ??
    steps.find((one) => one.state === "begun" || one.state === "needs-human") ??
    steps[0];
  const state = ran && (ran.state === "running" || ran.state === "needs-human") ? ran.state : seen.state;
  return (
    <div className="ap-page ap-planpage">
      <nav aria-label={t.crumbs} className="ap-small ap-crumbs">
        <Link href="/plans">{t.plans}</Link> <Icon name="right" /> <span className="ap-cut">{seen.id}</span>
      </nav>
      <div className="ap-page__head">
        <h1>{pretty(seen.goal)}</h1>
        <State name={state} of="run" />
        <span className="ap-grow" />
        <PlanDeeds plan={seen} operation={ran} />
      </div>
      <p className="ap-subtle">
        {seen.policy && <>{t.policy(seen.policy)} · </>}
        {t.by(seen.by)}, {t.made} <Moment at={seen.created_at} />
        {seen.note && <> · {seen.note}</>}
        {ran?.message && <> · {ran.message}</>}
      </p>
      {seen.unknown.length > 0 && (
        <p className="ap-call ap-call--warn">
          <Icon name="warn" tone="warn" /> {t.unknownActions(seen.unknown.join(", "))}
        </p>
      )}
      {seen.waived.length > 0 && (
        <p className="ap-call ap-call--warn">
          <Icon name="warn" tone="warn" /> {t.waived}: {seen.waived.join("; ")}
        </p>
      )}
      <PriceTag plan={seen} operation={ran} />
      <TakenOut plan={seen} out={out} change={setOut} />
      {(asked || seen.remade_from) && <Beside key={seen.id} plan={seen} to={asked || seen.remade_from} />}
      {steps.length === 0 ? (
        <p className="ap-card ap-empty">{t.notThere}</p>
      ) : !came && whole.current !== id ? (
        <Waiting />
      ) : (
        <div className="ap-planpage__body">
          <div className="ap-stack ap-grow">
            {picture.error && <ProblemBox problem={picture.error} again={() => void picture.refetch()} />}
            {drawn && (
              <>
                <BeforeAfter picture={drawn} chosen={current?.number ?? 0} choose={setChosen} />
                <StepSchedule
                  steps={steps}
                  picture={drawn}
                  begin={ran?.started_at ?? null}
                  ended={ran?.ended_at ?? null}
                  chosen={current?.number ?? 0}
                  choose={setChosen}
                />
              </>
            )}
            {ran?.ended_at && <Outcome plan={seen} operation={ran} />}
            {seen.policy && <Compared plan={seen.id} />}
            <details className="ap-card ap-card--padded">
              <summary>{t.text}</summary>
              <pre className="ap-mono ap-planpage__text" tabIndex={0}>
                {seen.text}
              </pre>
            </details>
          </div>
          {current && (
            <StepPanel plan={seen} steps={steps} step={current} operation={ran} choose={setChosen}>
              <StepOut plan={seen} step={current} picture={picture.data} out={out} change={setOut} />
            </StepPanel>
          )}
        </div>
      )}
    </div>
  );
}

function Failed({ problem, again }: { problem: Error; again: () => void }) {
  const t = useWords(words);
  return (
    <div className="ap-page">
      <h1>{t.plans}</h1>
      <ProblemBox problem={problem} again={again} />
    </div>
  );
}
