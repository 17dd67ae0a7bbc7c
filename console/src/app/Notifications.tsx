/** What went wrong lately, whoever caused it; what is new since somebody last looked is counted. */
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useRows } from "../api/queries";
import type { Event } from "../api/types";
import { bilingual, useWords } from "../i18n";
import { number } from "../i18n/format";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { Moment } from "../ui/Moment";
import { objectPath } from "../ui/objects";
import { State } from "../ui/State";

const words = bilingual(
  {
    open: (n: number) => (n ? `Notifications: ${n} new` : "Notifications"),
    title: "Warnings and errors",
    none: "Nothing went wrong.",
    all: "All events",
    look: "Look at it",
    fresh: "new",
  },
  {
    open: (n: number) => (n ? `Meldungen: ${n} neu` : "Meldungen"),
    title: "Warnungen und Fehler",
    none: "Nichts ging schief.",
    all: "Alle Ereignisse",
    look: "Ansehen",
    fresh: "neu",
  },
);

const QUERY = "severity in (warning, error)";
const KEPT = "anypool.seen";
const MOST = 50;

export function Notifications() {
  const t = useWords(words);
  const { data } = useRows<Event>("/events", { q: QUERY, limit: MOST });
  const [seen, setSeen] = useState(() => Number(localStorage.getItem(KEPT) ?? 0));
  const [since, setSince] = useState<number | null>(null);
  const items = data?.items ?? [];
  const newest = items[0]?.number ?? 0;
  const fresh = items.filter((one) => one.number > seen).length;
  useEffect(() => {
    if (since === null || newest <= seen) return;
    localStorage.setItem(KEPT, String(newest));
    setSeen(newest);
  }, [since, newest, seen]);
  return (
    <>
      <button
        type="button"
        className="ap-button ap-button--plain ap-bell"
        aria-label={t.open(fresh)}
        onClick={() => setSince(seen)}
      >
        <Icon name="bell" />
        {fresh > 0 && (
          <span className="ap-bell__count" aria-hidden="true">
            {fresh >= MOST ? `${number(MOST)}+` : number(fresh)}
          </span>
        )}
      </button>
      {since !== null && (
        <Dialog
          title={t.title}
          onClose={() => setSince(null)}
          wide
          buttons={
            <Link href={`/events?q=${encodeURIComponent(QUERY)}`} onClick={() => setSince(null)}>
              {t.all}
            </Link>
          }
        >
          {items.length === 0 && <p>{t.none}</p>}
          <ul className="ap-notices">
            {items.map((one) => {
              const path = one.plan ? `/plans/${one.plan}` : objectPath(one.subject_kind, one.subject_id);
              return (
                <li key={one.number} className="ap-row">
                  <State name={one.severity} />
                  <span className="ap-grow">
                    {one.message}{" "}
                    {one.number > since && <span className="ap-label ap-label--running">{t.fresh}</span>}
                  </span>
                  <span className="ap-small ap-subtle">
                    <Moment at={one.at} />
                  </span>
                  {path && (
                    <Link href={path} onClick={() => setSince(null)}>
                      {t.look}
                    </Link>
                  )}
                </li>
              );
            })}
          </ul>
        </Dialog>
      )}
    </>
  );
}
