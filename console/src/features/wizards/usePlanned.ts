/** A deed that makes a plan: previewed, looked at, and run once. */
import { useRef, useState } from "react";
import { exchange, newKey, send } from "../../api/client";
import { Problem } from "../../api/problem";
import type { Accepted, Plan } from "../../api/types";
import type { Asked } from "./deed";

export interface Planned {
  readonly plan: Plan | null;
  readonly begun: Accepted | null;
  readonly problem: Problem | null;
  readonly busy: boolean;
  /** Ask for the plan; returns whether there is one. */
  readonly preview: (asked: Asked) => Promise<boolean>;
  readonly run: () => Promise<boolean>;
  readonly forget: () => void;
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, { detail: String(error) });
}

export function usePlanned(): Planned {
  const [plan, setPlan] = useState<Plan | null>(null);
  const [begun, setBegun] = useState<Accepted | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  // One key for each plan: pressed twice, or sent again after a lost answer, it runs once.
  const once = useRef("");

  async function tried(what: () => Promise<void>): Promise<boolean> {
    setBusy(true);
    setProblem(null);
    try {
      await what();
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  }

  return {
    plan, begun, problem, busy,
    preview: ({ call }) =>
      tried(async () => {
        const answer = await exchange<Plan>(call.method, call.path, {
          query: { dry_run: true },
          ...(call.body && { body: call.body }),
        });
        once.current = newKey();
        setPlan(answer.body);
      }),
    run: () =>
      tried(async () => {
        if (!plan) return;
        setBegun(await send<Accepted>("POST", `/plans/${encodeURIComponent(plan.id)}/run`, { once: once.current }));
      }),
    forget: () => {
      setPlan(null);
      setBegun(null);
      setProblem(null);
    },
  };
}
