/** A plan before it runs: its price, its steps with reasons, and what was not chosen. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Accepted, Plan } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, span } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { words } from "./words";

const FEW = 8;

export function PlanPreview({ plan }: { plan: Plan }) {
  const t = useWords(words);
  const { cost } = plan;
  const price = [
    t.price(plan.steps.length, span(cost.duration_ms / 1000)),
    cost.copy_bytes > 0 && t.copies(bytes(cost.copy_bytes)),
    cost.pause_ms > 0 && t.pause(span(cost.pause_ms / 1000)),
  ];
  return (
    <div className="ap-call ap-call--plan ap-preview">
      <div className="ap-grow ap-stack">
        <div className="ap-row ap-row--wrap">
          <Icon name="route" tone="plan" />
          <h3 className="ap-grow">{plan.goal}</h3>
          <Link href={`/plans/${encodeURIComponent(plan.id)}`}>{t.planPage}</Link>
        </div>
        <p className="ap-plan ap-strong">
          {plan.steps.length ? price.filter(Boolean).join(", ") : t.nothingToDo}
        </p>
        <ol className="ap-preview__steps">
          {plan.steps.map((step) => (
            <li key={step.number}>
              {step.text}
              {step.why && <span className="ap-subtle"> {step.why}</span>}
            </li>
          ))}
        </ol>
        {plan.waived.map((one) => (
          <p key={one} className="ap-warn">
            <Icon name="warn" tone="warn" /> {one}
          </p>
        ))}
        {plan.rejected.length > 0 && (
          <details>
            <summary>{t.rejected}</summary>
            <ul>
              {plan.rejected.slice(0, FEW).map((one) => (
                <li key={`${one.vm} ${one.host}`}>
                  <span className="ap-strong">{one.host_name}</span> ({one.vm_name}): {one.why}
                </li>
              ))}
            </ul>
            {plan.rejected.length > FEW && <p className="ap-subtle">{t.rejectedMore(plan.rejected.length - FEW)}</p>}
          </details>
        )}
      </div>
    </div>
  );
}

export function Begun({ begun, children }: { begun: Accepted; children?: ReactNode }) {
  const t = useWords(words);
  const { operation } = begun;
  return (
    <div className="ap-call ap-call--ok" role="status">
      <Icon name="ok" tone="ok" />
      <div className="ap-grow ap-stack">
        <h3>
          {t.began}: {operation.goal}
        </h3>
        <p>{t.beganWhy}</p>
        <p className="ap-row ap-row--wrap">
          <Link href={`/plans/${encodeURIComponent(operation.plan)}`} className="ap-button">
            <Icon name="route" /> {t.planPage}
          </Link>
          {children}
        </p>
      </div>
    </div>
  );
}
