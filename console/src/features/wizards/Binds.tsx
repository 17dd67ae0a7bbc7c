/** What a query finds now: the preview of whom a rule binds. */
import { useEffect, useState } from "react";
import type { Problem } from "../../api/problem";
import { useRows } from "../../api/queries";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { words } from "./deedwords";

const SOON_MS = 300;
const FEW = 6;

export interface Found {
  readonly total: number | null;
  readonly problem: Problem | null;
}

/** Ask shortly after somebody stopped to type. */
export function useFound(path: "/vms" | "/hosts" | "/servers", query: string): Found & { readonly names: readonly string[] } {
  const [settled, setSettled] = useState(query);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(query), SOON_MS);
    return () => clearTimeout(timer);
  }, [query]);
  const found = useRows<{ readonly name: string }>(path, { q: settled, limit: FEW });
  const known = found.data && !found.error;
  return {
    total: known ? found.data.total : null,
    problem: found.error,
    names: known ? found.data.items.map((one) => one.name) : [],
  };
}

export function Binds({ path, found }: { path: "/vms" | "/hosts" | "/servers"; found: ReturnType<typeof useFound> }) {
  const t = useWords(words).rule;
  if (found.total === null) return null;
  const noun = { "/vms": t.vmsNoun, "/hosts": t.hostsNoun, "/servers": t.serversNoun }[path];
  return (
    <div className={`ap-call ${found.total ? "ap-call--plan" : "ap-call--warn"}`} role="status">
      <div>
        <p className="ap-strong">{found.total ? t.binds(found.total, noun) : t.bindsNothing}</p>
        {found.total > 0 && (
          <p className="ap-small">
            {found.names.join(", ")}
            {found.total > found.names.length && ` ${t.and(found.total - found.names.length)}`}
          </p>
        )}
      </div>
      <span className="ap-only-read">{number(found.total)}</span>
    </div>
  );
}
