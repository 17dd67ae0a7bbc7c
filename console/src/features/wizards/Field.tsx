/** A labelled field with what is wrong with it, and what to do, beside it. */
import { useId, type ReactNode } from "react";
import { Problem } from "../../api/problem";
import { useWords } from "../../i18n";
import { words as uiWords } from "../../ui/words";
import { Icon } from "../../ui/Icon";

export interface Wired {
  readonly id: string;
  readonly name: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: true;
}

interface Props {
  readonly label: string;
  readonly name: string;
  readonly help?: ReactNode;
  readonly problem?: Problem | null;
  readonly children: (wired: Wired) => ReactNode;
}

export function Field({ label, name, help, problem, children }: Props) {
  const t = useWords(uiWords);
  const id = useId();
  const about = [help && `${id}-help`, problem && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div className="ap-field">
      <label htmlFor={id} className="ap-strong">
        {label}
      </label>
      {children({
        id,
        name,
        ...(about && { "aria-describedby": about }),
        ...(problem && { "aria-invalid": true as const }),
      })}
      {help && (
        <p id={`${id}-help`} className="ap-small ap-subtle">
          {help}
        </p>
      )}
      {problem && (
        <p id={`${id}-wrong`} className="ap-small ap-loss" role="alert">
          <Icon name="warn" /> {problem.message}
          {problem.hint && (
            <span className="ap-subtle">
              {" "}
              {t.next} {problem.hint}
            </span>
          )}
        </p>
      )}
    </div>
  );
}
