/** All calendars, with what each wants now. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import type { Calendars as All } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words } from "./words";

export default function Calendars() {
  const t = useWords(words);
  const found = useRead<All>("/calendars");
  if (!found.data && !found.error) return <Waiting />;
  const items = found.data?.items ?? [];
  return (
    <div className="ap-page">
      <div className="ap-page__head">
        <h1 className="ap-grow">{t.title}</h1>
        <Link href="/calendars/new" className="ap-button ap-button--main">
          <Icon name="plus" /> {t.add}
        </Link>
      </div>
      <p className="ap-subtle">{t.lead}</p>
      {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {found.data && items.length === 0 && (
        <div className="ap-card ap-empty">
          <p className="ap-strong">{t.none}</p>
          <p>{t.noneNext}</p>
          <p>
            <code>anypool calendar apply blades.yaml --dry-run</code>
          </p>
        </div>
      )}
      {items.length > 0 && (
        <PlainTable label={t.title} head={[t.name, t.wants, t.until, t.level, t.how, t.servers]} card>
          {items.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <Link href={`/calendars/${encodeURIComponent(one.id)}`}>{one.id}</Link>
              </th>
              <td>
                {one.now.purpose || t.asIs}{" "}
                {one.hold && (
                  <span className="ap-label ap-label--warn">
                    <Icon name="pause" /> {t.held}
                  </span>
                )}
              </td>
              <td>
                <Moment at={one.now.until} />
              </td>
              <td>{one.enabled ? t.levels[one.level as keyof typeof t.levels] : t.off}</td>
              <td>
                <p>{one.now.why || (one.now.settled ? t.settled : "–")}</p>
                {one.now.plan && (
                  <p>
                    <Link href={`/plans/${encodeURIComponent(one.now.plan)}`}>{t.plan}</Link>
                  </p>
                )}
              </td>
              <td className="ap-mono">{one.servers}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </div>
  );
}
