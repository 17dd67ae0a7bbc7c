import { exact, moment } from "../i18n/format";
import { useLanguage } from "../i18n";

/** A time in the viewer's zone; the title has all of it. Null is shown as nothing. */
export function Moment({ at }: { at: number | null | undefined }) {
  useLanguage();
  if (!at) return <span className="ap-least">–</span>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={exact(at)}>
      {moment(at)}
    </time>
  );
}
