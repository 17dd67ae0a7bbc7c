/** What a failure would do, VM by VM: what is lost first, then what restarts, in its order and time. */
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { Fate, WhatIf } from "../../api/types";
import { useWords } from "../../i18n";
import { span } from "../../i18n/format";
import { bare } from "../../pictures/racks";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words } from "./words";

const FIRST_NAMES = 3;
const BEAT_MS = 200;
/** A rehearsal takes about so many seconds, however long the restarts would. */
const PLAY_S = 12;

interface Props {
  readonly seen: WhatIf | null;
  readonly asked: boolean;
  readonly problem: Error | null;
  readonly adding: boolean;
  readonly add: () => void;
  readonly close: () => void;
}

export function Consequences({ seen, asked, problem, adding, add, close }: Props) {
  const t = useWords(words);
  return (
    <aside className="ap-card ap-consequences" aria-label={t.title} aria-live="polite">
      {problem ? (
        <ProblemBox problem={problem} />
      ) : !asked ? (
        <p className="ap-consequences__part ap-subtle">{t.point}</p>
      ) : !seen ? (
        <Waiting />
      ) : (
        <Told key={seen.kind + seen.name + seen.hosts.join()} seen={seen} adding={adding} add={add} close={close} />
      )}
    </aside>
  );
}

function Told({ seen, adding, add, close }: { seen: WhatIf; adding: boolean; add: () => void; close: () => void }) {
  const t = useWords(words);
  const [at, setAt] = useState<number | null>(null);
  const [plays, setPlays] = useState(false);
  const last = Math.max(1, seen.seconds);
  useEffect(() => {
    if (!plays) return;
    const timer = window.setInterval(
      () => setAt((now) => Math.min(last, (now ?? 0) + (last * BEAT_MS) / 1000 / PLAY_S)),
      BEAT_MS,
    );
    return () => clearInterval(timer);
  }, [plays, last]);
  useEffect(() => {
    if (plays && at !== null && at >= last) setPlays(false);
  }, [plays, at, last]);
  const named = seen.hosts.length && seen.kind === "hosts" ? seen.hosts : [bare(seen.name)];
  const host = seen.kind === "host" ? seen.hosts[0] : undefined;
  const title = host ?? (named.length > FIRST_NAMES ? `${named.slice(0, FIRST_NAMES).join(", ")}, …` : named.join(", "));
  const all = seen.vms.length + seen.lost.length;
  return (
    <>
      <div className="ap-consequences__part">
        <div className="ap-row">
          <h2 className="ap-grow">{seen.kind === "hosts" ? t.ifDie(title) : t.ifDies(title)}</h2>
          <button type="button" className="ap-button ap-button--plain" aria-label={t.close} onClick={close}>
            <Icon name="times" />
          </button>
        </div>
        <p className="ap-subtle">{all ? t.summary(seen.vms.length, all, span(seen.seconds)) : t.nothingRuns}</p>
        {at !== null && (
          <p className="ap-plan ap-strong" role="timer">
            {t.clock(span(at))}
          </p>
        )}
      </div>
      {seen.proofs.length > 0 && (
        <div className="ap-consequences__part">
          <h3>{t.proofs}</h3>
          <ul className="ap-refused">
            {seen.proofs.map((one) => (
              <li key={one.why}>
                <Icon name="lock" /> {one.why}
              </li>
            ))}
          </ul>
        </div>
      )}
      <div className="ap-consequences__list" tabIndex={0} role="region" aria-label={t.summary(seen.vms.length, all, span(seen.seconds))}>
        {seen.lost.map((one) => (
          <div key={one.vm} className="ap-call ap-call--loss">
            <Icon name="warn" tone="loss" />
            <div>
              <strong>{t.staysDown(one.vm_name)}</strong>
              <p>{one.why}</p>
            </div>
          </div>
        ))}
        {waves(seen.vms).map(([priority, fates]) => (
          <section key={priority}>
            <h3>{t.level[priority as keyof typeof t.level] ?? t.priority(priority)}</h3>
            <ul className="ap-fates">
              {fates.map((one) => (
                <li key={one.vm} className={at !== null && (one.starts_s ?? 0) <= at ? "ap-fate--begun" : ""} title={one.why}>
                  <span className="ap-cut">{one.vm_name}</span>
                  <Icon name="arrow" tone="plan" />
                  <span className="ap-cut">{one.host_name}</span>
                  <span className="ap-small ap-subtle">
                    {at !== null && (one.starts_s ?? 0) <= at ? t.nowRuns : t.startsAt(span(one.starts_s ?? 0))}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <div className="ap-row ap-row--wrap ap-consequences__part">
        <button
          type="button"
          className="ap-button ap-button--main"
          disabled={!seen.vms.length}
          onClick={() => {
            if (at === null || at >= last) setAt(0);
            setPlays(!plays);
          }}
        >
          <Icon name={plays ? "pause" : "play"} /> {plays ? t.pause : at !== null && at >= last ? t.again : t.rehearse}
        </button>
        {(seen.kind === "host" || seen.kind === "hosts") && (
          <button type="button" className="ap-button" aria-pressed={adding} onClick={add}>
            <Icon name="plus" /> {t.add}
          </button>
        )}
        {host && (
          <Link className="ap-button" href={`/hosts?q=${encodeURIComponent(`name = ${host}`)}`}>
            {t.openHost(host)}
          </Link>
        )}
      </div>
    </>
  );
}

function waves(fates: readonly Fate[]): [string, Fate[]][] {
  const found = new Map<string, Fate[]>();
  for (const one of fates) found.set(one.priority, [...(found.get(one.priority) ?? []), one]);
  return [...found];
}
