import { useWords } from "../i18n";
import { words } from "./words";

/** Says what is waited for; never a mute spinner. */
export function Waiting({ what, whole }: { what?: string; whole?: boolean }) {
  const t = useWords(words);
  return (
    <p className={`ap-waiting${whole ? " ap-waiting--whole" : ""}`} role="status">
      {what ?? t.reading}…
    </p>
  );
}
