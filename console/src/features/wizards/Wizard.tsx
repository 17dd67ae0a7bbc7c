/** Steps on a full page: what is asked on the left, the same as a command below it. */
import { useEffect, useRef, type FormEvent, type ReactNode } from "react";
import { useLive } from "../../api/live";
import { Problem } from "../../api/problem";
import { useMay } from "../../api/session";
import { useWords } from "../../i18n";
import { ProblemBox } from "../../ui/ProblemBox";
import type { Asked } from "./deed";
import { Same } from "./Same";
import "./wizards.css";
import { words } from "./words";

export interface Step {
  readonly title: string;
  readonly body: ReactNode;
  /** What the main button says; "Continue" if it is left out, none if null. */
  readonly next?: string | null;
  /** It cannot be gone on yet. */
  readonly blocked?: boolean;
}

interface Props {
  readonly title: string;
  readonly lead: string;
  readonly role?: "operator" | "administrator";
  readonly steps: readonly Step[];
  readonly at: number;
  readonly busy: boolean;
  /** A refusal that no field is known for. */
  readonly problem: Problem | null;
  readonly asked: readonly Asked[];
  readonly onNext: () => void;
  readonly onBack: () => void;
  readonly aside?: ReactNode;
  /** Whether it is the page, or part of one that has a title of its own. */
  readonly whole?: boolean;
}

export function Wizard(props: Props) {
  const t = useWords(words);
  const { title, lead, role = "operator", steps, at, busy, problem, asked, onNext, onBack, whole = true } = props;
  const live = useLive().state === "live";
  const may = useMay(role);
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(at);
  useEffect(() => {
    // Who cannot see the page hears which step it is; on the first one the page itself is read.
    if (shown.current !== at) heading.current?.focus();
    shown.current = at;
  }, [at]);
  const step = steps[at];
  if (!step) return null;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!busy && live && may && !step?.blocked) onNext();
  }
  return (
    <div className={whole ? "ap-page ap-wizard" : "ap-stack"}>
      {whole && (
        <div>
          <h1>{title}</h1>
          <p className="ap-subtle">{lead}</p>
        </div>
      )}
      <ol className="ap-wizard__steps" aria-label={t.steps}>
        {steps.map((one, index) => (
          <li
            key={one.title}
            className={index === at ? "ap-wizard__here" : index < at ? "ap-wizard__past" : ""}
            {...(index === at && { "aria-current": "step" as const })}
          >
            <span className="ap-wizard__number">{index + 1}</span> {one.title}
          </li>
        ))}
      </ol>
      <div className="ap-wizard__body">
        <form className="ap-card ap-wizard__form" onSubmit={submit} noValidate={false}>
          <h2 tabIndex={-1} ref={heading}>
            <span className="ap-only-read">{t.step(at + 1, steps.length)}: </span>
            {step.title}
          </h2>
          {!may && <p className="ap-warn">{t.mayNot}</p>}
          {!live && <p className="ap-warn">{t.notLive}</p>}
          {problem && <ProblemBox problem={problem} />}
          {step.body}
          {asked.length > 0 && <Same asked={asked} />}
          <div className="ap-row ap-row--wrap">
            {step.next !== null && (
              <button
                type="submit"
                className="ap-button ap-button--main"
                disabled={busy || !live || !may || step.blocked === true}
              >
                {busy ? `${t.working}…` : (step.next ?? t.next)}
              </button>
            )}
            {at > 0 && step.next !== null && (
              <button type="button" className="ap-button" disabled={busy} onClick={onBack}>
                {t.back}
              </button>
            )}
          </div>
        </form>
        {props.aside}
      </div>
    </div>
  );
}
