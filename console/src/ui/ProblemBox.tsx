import { Problem } from "../api/problem";
import { useWords } from "../i18n";
import { Icon } from "./Icon";
import { words } from "./words";

/** Why something was not done, and what to do next. */
export function ProblemBox({ problem, again }: { problem: Error; again?: () => void }) {
  const t = useWords(words);
  const hint = problem instanceof Problem ? problem.hint : "";
  return (
    <div className="ap-call ap-call--loss" role="alert">
      <Icon name="warn" tone="loss" />
      <div className="ap-grow">
        <p className="ap-strong">{problem.message}</p>
        {hint && (
          <p>
            {t.next} {hint}
          </p>
        )}
      </div>
      {again && (
        <button type="button" className="ap-button ap-button--link" onClick={again}>
          {t.tryAgain}
        </button>
      )}
    </div>
  );
}
