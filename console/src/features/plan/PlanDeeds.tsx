/** What may be decided about a plan as it is now; each is sent once. */
import { useRef, useState } from "react";
import { newKey, send } from "../../api/client";
import { useLive } from "../../api/live";
import { Problem } from "../../api/problem";
import { queries } from "../../api/queries";
import { useMay } from "../../api/session";
import type { Operation, Plan } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon, type IconName } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { words } from "./words";

interface Choice {
  readonly path: string;
  readonly icon: IconName;
  readonly label: string;
  readonly look?: "main" | "danger";
}

/** Sends a deed; the same wish keeps its key until it was answered. */
export function useDeed() {
  const keys = useRef(new Map<string, string>());
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  async function perform(path: string): Promise<void> {
    const once = keys.current.get(path) ?? newKey();
    keys.current.set(path, once);
    setBusy(path);
    setProblem(null);
    try {
      await send("POST", path, { once });
      keys.current.delete(path);
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      if (!(error instanceof Problem) || error.status) keys.current.delete(path);
    } finally {
      setBusy("");
      const old = (name: unknown): boolean => /^\/(plans|operations)/.test(String(name));
      await queries.invalidateQueries({ predicate: (query) => old(query.queryKey[0]) });
    }
  }
  return { busy, problem, perform };
}

export function PlanDeeds({ plan, operation }: { plan: Plan; operation: Operation | null }) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const may = useMay("operator");
  const { busy, problem, perform } = useDeed();
  const choices = choicesOf(plan, operation, t);
  if (!choices.length) return null;
  const hindered = may ? (live ? "" : t.notLive) : t.onlyOperators;
  return (
    <>
      {operation?.cancelling ? (
        <span className="ap-label ap-label--warn">{t.cancelling}</span>
      ) : (
        operation?.paused && <span className="ap-label ap-label--warn">{t.pausing}</span>
      )}
      {choices.map((one) => (
        <button
          key={one.path}
          type="button"
          className={`ap-button${one.look ? ` ap-button--${one.look}` : ""}`}
          disabled={Boolean(hindered) || busy !== ""}
          title={hindered}
          onClick={() => void perform(one.path)}
        >
          <Icon name={one.icon} /> {one.label}
        </button>
      ))}
      {problem && <ProblemBox problem={problem} />}
    </>
  );
}

function choicesOf(plan: Plan, operation: Operation | null, t: typeof words.en): Choice[] {
  if (operation && !operation.ended_at) {
    const path = `/operations/${operation.id}`;
    if (operation.cancelling) return [];
    return [
      operation.paused
        ? { path: `${path}/continue`, icon: "play", label: t.resume }
        : { path: `${path}/pause`, icon: "pause", label: t.pause },
      { path: `${path}/cancel`, icon: "times", label: t.cancel, look: "danger" },
    ];
  }
  const path = `/plans/${plan.id}`;
  const runnable = plan.unknown.length === 0 && plan.steps.length > 0;
  const reject: Choice = { path: `${path}/reject`, icon: "times", label: t.reject, look: "danger" };
  if (plan.state === "recommended")
    return runnable
      ? [
          reject,
          { path: `${path}/approve`, icon: "check", label: t.approve },
          { path: `${path}/run`, icon: "play", label: t.approveRun, look: "main" },
        ]
      : [reject];
  if (plan.state === "approved")
    return [reject, { path: `${path}/run`, icon: "play", label: t.run, look: "main" }];
  return [];
}
