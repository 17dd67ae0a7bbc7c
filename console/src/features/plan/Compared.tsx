/** What differs from the plan that the same policy made before; read when somebody asks. */
import { useState } from "react";
import { useRead } from "../../api/queries";
import type { PlanDifference } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon, type IconName } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words } from "./words";

const MARKS: Readonly<Record<string, IconName>> = { added: "plus", removed: "minus", changed: "edit", same: "check" };

export function Compared({ plan }: { plan: string }) {
  const t = useWords(words);
  const [open, setOpen] = useState(false);
  return (
    <details className="ap-card ap-card--padded" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.compare}</summary>
      {open && <Found plan={plan} />}
    </details>
  );
}

function Found({ plan }: { plan: string }) {
  const t = useWords(words);
  const found = useRead<PlanDifference>(`/plans/${plan}/differences`);
  if (found.error) return <ProblemBox problem={found.error} />;
  if (!found.data) return <Waiting what={t.comparing} />;
  const differing = found.data.steps.filter((one) => one.change !== "same");
  if (!differing.length) return <p>{t.same}</p>;
  return (
    <ul className="ap-refused">
      {differing.map((one, index) => (
        <li key={index}>
          <Icon name={MARKS[one.change] ?? "edit"} />{" "}
          <span className="ap-strong">{t.changes[one.change as keyof typeof t.changes] ?? one.change}</span>{" "}
          <span>
            {one.before !== one.after && one.before && <s className="ap-least">{one.before}</s>} {one.after}
          </span>
        </li>
      ))}
    </ul>
  );
}
