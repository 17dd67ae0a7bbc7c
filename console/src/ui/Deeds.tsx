/** A deed on one object or many: first what each would do, then, if somebody says so, it. */
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { exchange, newKey } from "../api/client";
import { useLive } from "../api/live";
import { Problem } from "../api/problem";
import type { Accepted, Plan } from "../api/types";
import { useWords } from "../i18n";
import { bytes, number, span } from "../i18n/format";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";
import { words } from "./deedwords";

type Given = Readonly<Record<string, string>>;

export interface Target {
  readonly key: string;
  readonly name: string;
}

export interface Ask {
  readonly field: string;
  readonly label: string;
  readonly optional?: boolean;
  /** Values to choose from, each with what it is called; else a text. */
  readonly choices?: readonly (readonly [string, string])[];
  /** A time on some wall: given as `2026-12-24T14:00`. */
  readonly time?: boolean;
}

export interface Deed {
  /** Where it is sent; `{key}` is the object. */
  readonly path: string;
  readonly method?: "POST" | "DELETE";
  /** What must be filled in first: the names of the body's fields with their labels. */
  readonly asks?: readonly Ask[];
  readonly body?: Readonly<Record<string, unknown>>;
  /** Done instead of asking for a plan at `path`. Without `look` at once: only for our records. */
  readonly perform?: (key: string, given: Given, once: string) => Promise<void>;
  /** What is seen before `perform`: a plan that is there already, or what would be, in words. */
  readonly look?: (key: string, given: Given) => Promise<Plan | string>;
  readonly danger?: boolean;
}

interface Outcome {
  readonly plan?: Plan;
  readonly says?: string;
  readonly operation?: Accepted;
  readonly problem?: Problem;
  readonly done?: boolean;
}

const AT_ONCE = 4;
const MOST = 200;

type Stage = "asking" | "previewing" | "previewed" | "doing" | "done";

export function Deeds({ title, deed, targets, onClose }: {
  title: string;
  deed: Deed;
  targets: readonly Target[];
  onClose: () => void;
}) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const chosen = useMemo(() => targets.slice(0, MOST), [targets]);
  // One key for each object for as long as this window is open: pressed twice, done once.
  const keys = useRef(new Map(chosen.map((one) => [one.key, newKey()])));
  const [given, setGiven] = useState<Record<string, string>>({});
  const atOnce = deed.perform !== undefined && deed.look === undefined;
  const [stage, setStage] = useState<Stage>(deed.asks || atOnce ? "asking" : "previewing");
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome>>(new Map());

  async function each(run: (target: Target) => Promise<Outcome>, over: readonly Target[]): Promise<void> {
    const waiting = [...over];
    async function worker(): Promise<void> {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const target = next;
        const outcome = await run(target).catch((error: unknown) => ({
          problem: error instanceof Problem ? error : new Problem(0, { detail: String(error) }),
        }));
        setOutcomes((before) => new Map(before).set(target.key, outcome));
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async function ask(target: Target, dry: boolean): Promise<Outcome> {
    if (dry && deed.look) {
      const seen = await deed.look(target.key, given);
      return typeof seen === "string" ? { says: seen } : { plan: seen };
    }
    if (deed.perform) {
      await deed.perform(target.key, given, keys.current.get(target.key) ?? newKey());
      return { done: true };
    }
    const path = deed.path.replace("{key}", encodeURIComponent(target.key));
    const answer = await exchange<Plan | Accepted>(deed.method ?? "POST", path, {
      query: dry ? { dry_run: true } : {},
      ...(body() && { body: body() }),
      ...(!dry && { once: keys.current.get(target.key) ?? newKey() }),
    });
    return answer.status === 202
      ? { operation: answer.body as Accepted }
      : { plan: answer.body as Plan };
  }

  function body(): Record<string, unknown> | null {
    if (!deed.asks && !deed.body) return null;
    const filled = Object.entries(given).filter(([, value]) => value !== "");
    return { ...deed.body, ...Object.fromEntries(filled) };
  }

  async function preview(): Promise<void> {
    if (atOnce) return go();
    setStage("previewing");
    await each((target) => ask(target, true), chosen);
    setStage("previewed");
  }

  async function go(): Promise<void> {
    setStage("doing");
    const wanted = chosen.filter((one) => atOnce || fits(outcomes.get(one.key)));
    await each((target) => ask(target, false), wanted);
    setStage("done");
  }

  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || deed.asks || atOnce) return;
    begun.current = true;
    void preview();
  });

  const ready = chosen.filter((one) => fits(outcomes.get(one.key))).length;
  const missing = (deed.asks ?? []).some((one) => !one.optional && !given[one.field]);
  return (
    <Dialog
      title={targets.length === 1 ? `${title}: ${targets[0]?.name}` : `${title}: ${t.objects(targets.length)}`}
      onClose={onClose}
      wide
      buttons={
        <>
          {stage === "asking" && (
            <button
              type="button"
              className="ap-button ap-button--main"
              disabled={missing || !live}
              onClick={() => void preview()}
            >
              {atOnce ? t.doIt : t.preview}
            </button>
          )}
          {(stage === "previewed" || stage === "previewing") && (
            <button
              type="button"
              className="ap-button ap-button--main"
              disabled={stage === "previewing" || ready === 0 || !live}
              onClick={() => void go()}
            >
              {targets.length === 1 ? t.doIt : deed.perform ? t.doEach(ready) : t.doAll(ready)}
            </button>
          )}
          <button type="button" className="ap-button" onClick={onClose}>
            {stage === "done" ? t.close : t.leave}
          </button>
        </>
      }
    >
      <p className="ap-subtle" role="status">
        {t.stages[stage]} {targets.length > MOST && t.onlyFirst(MOST)}
      </p>
      {(stage === "asking" ? (deed.asks ?? []) : []).map((one) => (
        <label key={one.field} className="ap-field">
          {one.label}
          {one.choices ? (
            <select value={given[one.field] ?? ""} onChange={(event) => setGiven({ ...given, [one.field]: event.target.value })}>
              {one.choices.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </select>
          ) : (
            <input
              type={one.time ? "datetime-local" : "text"}
              value={given[one.field] ?? ""}
              maxLength={255}
              onChange={(event) => setGiven({ ...given, [one.field]: event.target.value })}
            />
          )}
        </label>
      ))}
      <ul className="ap-deeds">
        {chosen.map((target) => (
          <li key={target.key}>
            <OneOutcome target={target} outcome={outcomes.get(target.key)} stage={stage} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function fits(outcome: Outcome | undefined): boolean {
  return outcome?.plan !== undefined || outcome?.says !== undefined;
}

function OneOutcome({ target, outcome, stage }: { target: Target; outcome: Outcome | undefined; stage: Stage }) {
  const t = useWords(words);
  return (
    <div className="ap-deeds__one">
      <span className="ap-strong ap-cut">{target.name}</span>
      <div>
        {!outcome && stage !== "asking" && <span className="ap-least">{t.waiting}</span>}
        {outcome?.problem && (
          <p className="ap-loss">
            <Icon name="warn" /> {outcome.problem.message}
            {outcome.problem.hint && <span className="ap-subtle"> {outcome.problem.hint}</span>}
          </p>
        )}
        {outcome?.plan && <Preview plan={outcome.plan} />}
        {outcome?.says && <p className="ap-plan">{outcome.says}</p>}
        {outcome?.operation && (
          <p className="ap-running">
            <Icon name="progress" />{" "}
            <Link href={`/plans/${outcome.operation.operation.plan}`}>{t.began}</Link>
          </p>
        )}
        {outcome?.done && (
          <p>
            <Icon name="check" /> {t.isDone}
          </p>
        )}
      </div>
    </div>
  );
}

function Preview({ plan }: { plan: Plan }) {
  const t = useWords(words);
  const { cost } = plan;
  return (
    <div className="ap-plan-preview">
      <ol>
        {plan.steps.map((step) => (
          <li key={step.number}>
            {step.text} {step.why && <span className="ap-subtle">{step.why}</span>}
          </li>
        ))}
      </ol>
      <p className="ap-small ap-plan">
        {plan.steps.length === 0
          ? t.nothing
          : [
              t.takes(span(cost.duration_ms / 1000)),
              cost.copy_bytes > 0 && t.copies(bytes(cost.copy_bytes)),
              cost.pause_ms > 0 && t.pause(`${number(cost.pause_ms)} ms`),
            ]
              .filter(Boolean)
              .join(", ")}
      </p>
      {plan.unknown.length > 0 && <p className="ap-small ap-warn">{plan.unknown.join("; ")}</p>}
    </div>
  );
}
