/** A plan that was made again beside the one it was made from: what each costs, and step by step. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import { useLive } from "../../api/live";
import { useMay } from "../../api/session";
import type { Plan, PlanDifference } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, span } from "../../i18n/format";
import { arrows, pretty } from "../../pictures/pretty";
import { Icon, type IconName } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { useDeed } from "./PlanDeeds";
import { isOpen } from "./TakeOut";
import { words } from "./words";

const MARKS: Readonly<Record<string, IconName>> = { added: "plus", removed: "minus", changed: "edit", same: "check" };

export function Beside({ plan, to }: { plan: Plan; to: string }) {
  const t = useWords(words);
  const old = useRead<Plan>(`/plans/${encodeURIComponent(to)}`);
  const found = useRead<PlanDifference>(`/plans/${plan.id}/differences`, { to });
  const error = old.error ?? found.error;
  const out = plan.taken_out.map((one) => one.name).join(", ");
  return (
    <section className="ap-card ap-card--padded ap-beside" aria-labelledby="beside">
      <h2 id="beside">{out ? t.without(out) : t.madeAgain}</h2>
      {error && <ProblemBox problem={error} />}
      {!error && (!old.data || !found.data) && <Waiting what={t.comparing} />}
      {old.data && found.data && (
        <>
          <Figures before={old.data} after={plan} />
          <Steps found={found.data} />
          <Decide old={old.data} />
        </>
      )}
    </section>
  );
}

function Figures({ before, after }: { before: Plan; after: Plan }) {
  const t = useWords(words);
  const imbalance = (plan: Plan): string => {
    const one = plan.bounds.find((bound) => bound.what === "imbalance");
    return one ? `${number(one.reached / 100, 2)} %` : "–";
  };
  const rows: readonly (readonly [string, (plan: Plan) => string])[] = [
    [t.stepsFigure, (plan) => number(plan.steps.length)],
    [t.copies, (plan) => (plan.cost.copy_bytes ? bytes(plan.cost.copy_bytes) : t.none)],
    [t.takes, (plan) => span(plan.cost.duration_ms / 1000)],
    [t.longestPause, (plan) => (plan.cost.pause_ms ? `${number(plan.cost.pause_ms)} ms` : t.none)],
    [t.balance, imbalance],
  ];
  return (
    <PlainTable label={t.beside} head={[t.price, t.thePlanBefore, t.thisPlan]}>
      {rows
        .filter(([, value]) => value(before) !== "–" || value(after) !== "–")
        .map(([label, value]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td>{value(before)}</td>
            <td className={value(before) === value(after) ? "" : "ap-plan ap-strong"}>{value(after)}</td>
          </tr>
        ))}
    </PlainTable>
  );
}

function Steps({ found }: { found: PlanDifference }) {
  const t = useWords(words);
  return (
    <PlainTable label={`${t.beside}: ${t.steps}`} head={[t.change0, t.thePlanBefore, t.thisPlan, t.why]}>
      {found.steps.map((one, index) => (
        <tr key={index} className={one.change === "same" ? "ap-beside__same" : ""}>
          <th scope="row">
            <Icon name={MARKS[one.change] ?? "edit"} /> {t.changes[one.change as keyof typeof t.changes] ?? one.change}
          </th>
          <td>{one.before ? pretty(one.before) : "–"}</td>
          <td>{one.after ? pretty(one.after) : "–"}</td>
          <td className="ap-subtle">{arrows(one.why)}</td>
        </tr>
      ))}
    </PlainTable>
  );
}

/** The plan before still waits: it is taken, or put aside. */
function Decide({ old }: { old: Plan }) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const may = useMay("operator");
  const { busy, problem, perform } = useDeed();
  return (
    <div className="ap-row ap-row--wrap">
      <Link href={`/plans/${old.id}`} className="ap-button">
        {t.openBefore}
      </Link>
      {isOpen(old) ? (
        <button
          type="button"
          className="ap-button ap-button--danger"
          disabled={!live || !may || busy !== ""}
          onClick={() => void perform(`/plans/${old.id}/reject`)}
        >
          <Icon name="times" /> {t.rejectBefore}
        </button>
      ) : (
        <State name={old.state} of="run" />
      )}
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}
