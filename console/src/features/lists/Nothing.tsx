/** What to do next where a list has nothing yet. */
import { Link } from "wouter";
import { useWords } from "../../i18n";
import { NOTHING, nothingWords } from "./nothingwords";

export function Nothing({ of }: { of: keyof typeof NOTHING }) {
  const t = useWords(nothingWords);
  const { to, command } = NOTHING[of];
  const said = t[of];
  return (
    <>
      <p className="ap-strong">{said.none}</p>
      <p>{said.next}</p>
      {command && (
        <p>
          <code>{command}</code>
        </p>
      )}
      {to && said.go && (
        <Link href={to} className="ap-button">
          {said.go}
        </Link>
      )}
    </>
  );
}
