/** Incidents of high availability, the newest first. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import type { Incident } from "../../api/types";
import { useWords } from "../../i18n";
import { span } from "../../i18n/format";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words } from "./words";

export default function Incidents() {
  const t = useWords(words);
  const found = useRead<{ readonly items: readonly Incident[] }>("/ha/incidents");
  if (!found.data && !found.error) return <Waiting />;
  return (
    <div className="ap-page">
      <h1>{t.title}</h1>
      {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {found.data?.items.length === 0 && <p className="ap-card ap-empty">{t.none}</p>}
      {found.data && found.data.items.length > 0 && (
        <PlainTable label={t.title} head={[t.began, t.lasted, t.policy]} card>
          {found.data.items.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <Link href={`/incidents/${encodeURIComponent(one.id)}`}>
                  <Moment at={one.began_at} />
                </Link>
              </th>
              <td className={one.ended_at ? "" : "ap-loss"}>
                {one.ended_at ? span(one.ended_at - one.began_at) : t.goesOn}
              </td>
              <td>{one.policy}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </div>
  );
}
