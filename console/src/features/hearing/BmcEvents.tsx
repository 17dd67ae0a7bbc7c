/** What BMCs tell by themselves: SNMP traps and Redfish events, from whom, and what is missing. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import type { Subscriptions, Traps } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { objectPath } from "../../ui/objects";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words } from "./words";

/** Counts are kept by the manager, and not every trap is an event. */
const READ_MS = 10_000;
const TRAP_EVENTS = "kind in (server.trap, host.trap, endpoint.trap, traps.unknown-source)";

export default function BmcEvents() {
  const t = useWords(words);
  return (
    <div className="ap-page">
      <h1>{t.title}</h1>
      <p className="ap-subtle">{t.lead}</p>
      <TrapsPart />
      <PushesPart />
    </div>
  );
}

function TrapsPart() {
  const t = useWords(words);
  const found = useRead<Traps>("/traps", {}, { refetchInterval: READ_MS });
  const traps = found.data;
  return (
    <section className="ap-card ap-card--padded ap-stack" aria-label={t.traps}>
      <h2>{t.traps}</h2>
      {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {!traps && !found.error && <Waiting />}
      {traps?.problem && (
        <p className="ap-loss">
          <Icon name="warn" /> {t.trapProblem(traps.problem)}
        </p>
      )}
      {traps && !traps.problem && <p className={traps.listen ? "ap-subtle" : "ap-warn"}>{traps.listen ? t.listens(traps.listen) : t.deaf}</p>}
      {traps && traps.listen && traps.items.length === 0 && <p className="ap-subtle">{t.noTraps}</p>}
      {traps && traps.items.length > 0 && (
        <>
          <PlainTable label={t.trapsFrom} head={[t.address, t.whose, t.received, t.last, t.said, t.left]}>
            {traps.items.map((one) => (
              <tr key={one.address}>
                <th scope="row" className="ap-mono">
                  {one.address}
                </th>
                <td>
                  <Whose of={one} />
                </td>
                <td>{number(one.received)}</td>
                <td>
                  <Moment at={one.last_at} />
                </td>
                <td>{one.why || one.last}</td>
                <td>
                  <Lacks of={[one.refused && t.refused(one.refused), one.repeated && t.repeated(one.repeated), one.unwritten && t.unwritten(one.unwritten), one.dropped && t.dropped(one.dropped)]} />
                  {one.refused > 0 && <p className="ap-warn">{t.credentials}</p>}
                </td>
              </tr>
            ))}
          </PlainTable>
          <p>
            <Link href={`/events?q=${encodeURIComponent(TRAP_EVENTS)}`}>{t.allEvents}</Link>
          </p>
        </>
      )}
    </section>
  );
}

function PushesPart() {
  const t = useWords(words);
  const found = useRead<Subscriptions>("/event-subscriptions", {}, { refetchInterval: READ_MS });
  const pushes = found.data;
  return (
    <section className="ap-card ap-card--padded ap-stack" aria-label={t.pushes}>
      <h2>{t.pushes}</h2>
      {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {!pushes && !found.error && <Waiting />}
      {pushes && <p className={pushes.url ? "ap-subtle" : "ap-warn"}>{pushes.url ? t.pushedTo(pushes.url) : t.noUrl}</p>}
      {pushes && pushes.unknown > 0 && <p className="ap-warn">{t.strangers(pushes.unknown)}</p>}
      {pushes && pushes.url && pushes.items.length === 0 && <p className="ap-subtle">{t.noPushes}</p>}
      {pushes && pushes.items.length > 0 && (
        <PlainTable label={t.pushesFrom} head={[t.endpoint, t.subscription, t.received, t.last, t.why, t.left]}>
          {pushes.items.map((one) => (
            <tr key={one.endpoint}>
              <th scope="row">
                <Link href={`/servers?q=${encodeURIComponent(`endpoint = "${one.endpoint}"`)}`}>{one.endpoint}</Link>
              </th>
              <td title={one.path}>
                <span className={one.path ? "ap-ok" : "ap-warn"}>
                  <Icon name={one.path ? "check" : "minus"} /> {one.path ? t.subscribed : t.notSubscribed}
                </span>
              </td>
              <td>{number(one.received)}</td>
              <td>{one.last_at ? <Moment at={one.last_at} /> : t.never}</td>
              <td>{one.message}</td>
              <td>
                <Lacks of={[one.refused && t.pushRefused(one.refused), one.dropped && t.dropped(one.dropped), one.made > 1 && t.made(one.made), one.left_over && t.leftOver(one.left_over)]} />
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </section>
  );
}

function Whose({ of }: { of: Traps["items"][number] }) {
  const t = useWords(words);
  if (!of.name)
    return (
      <span className="ap-warn">
        <Icon name="warn" tone="warn" /> {t.unknown}
        <span className="ap-stack">
          <Link href="/endpoints/new">{t.adopt}</Link>
        </span>
      </span>
    );
  const path = objectPath(of.kind, of.name);
  return path ? <Link href={path}>{of.name}</Link> : <>{of.name}</>;
}

function Lacks({ of }: { of: readonly (string | false | 0)[] }) {
  return <span className="ap-subtle">{of.filter(Boolean).join("; ") || "–"}</span>;
}
