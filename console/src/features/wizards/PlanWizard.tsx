/** A wizard that ends in a plan: some steps that ask, then the preview, then it runs. */
import { useState, type ReactNode } from "react";
import type { Problem } from "../../api/problem";
import { useWords } from "../../i18n";
import { concerned, type Asked } from "./deed";
import { words as deedWords } from "./deedwords";
import { Begun, PlanPreview } from "./PlanPreview";
import { usePlanned } from "./usePlanned";
import { Wizard, type Step } from "./Wizard";
import { words } from "./words";

interface Props {
  readonly title: string;
  readonly lead: string;
  /** The steps that ask; given what is wrong with each field. */
  readonly asks: (wrong: (field: string) => Problem | null) => readonly Step[];
  readonly asked: Asked | null;
  /** The fields with their values, to find out what a refusal is about. */
  readonly values: Readonly<Record<string, string>>;
  /** In which step a field is. */
  readonly stepOf?: (field: string) => number;
  readonly after?: (again: () => void) => ReactNode;
}

export function PlanWizard({ title, lead, asks, asked, values, stepOf, after }: Props) {
  const t = useWords(words);
  const d = useWords(deedWords);
  const planned = usePlanned();
  const [at, setAt] = useState(0);
  const { plan, begun, problem } = planned;
  const field = problem && !plan ? concerned(problem, values) : "";
  const steps = asks((name) => (name === field ? problem : null));
  const last = steps.length;

  async function next(): Promise<void> {
    if (at < last - 1) return setAt(at + 1);
    if (at === last) return void (await planned.run());
    if (!asked) return;
    if (await planned.preview(asked)) setAt(last);
  }

  // Where a refusal is about a field of an earlier step, that step is shown.
  const shown = field && stepOf && at === last - 1 ? stepOf(field) : at;
  const preview = begun ? (
    <Begun begun={begun}>
      {after?.(() => {
        planned.forget();
        setAt(0);
      })}
    </Begun>
  ) : (
    plan && (
      <>
        <p className="ap-subtle" role="status">
          {t.planTitle}. {t.nothingYet}
        </p>
        <PlanPreview plan={plan} />
      </>
    )
  );
  return (
    <Wizard
      title={title}
      lead={lead}
      at={shown}
      busy={planned.busy}
      problem={field ? null : problem}
      asked={asked && !begun ? [asked] : []}
      onNext={() => {
        if (shown !== at) {
          planned.forget();
          setAt(shown + 1);
        } else void next();
      }}
      onBack={() => {
        planned.forget();
        setAt(shown - 1);
      }}
      steps={[
        ...steps.map((one, index) => (index === last - 1 ? { ...one, next: one.next ?? d.showPlan } : one)),
        {
          title: d.plan,
          body: preview,
          next: begun ? null : t.approve,
          blocked: !plan || plan.steps.length === 0,
        },
      ]}
    />
  );
}
