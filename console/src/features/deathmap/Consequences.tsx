/** What a failure would do, VM by VM: what is lost first, then what restarts, in its order and time. */
import { Link } from "wouter";
import type { Fate, WhatIf } from "../../api/types";
import { useWords } from "../../i18n";
import { span } from "../../i18n/format";
import { bare } from "../../pictures/racks";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { NOTHING, asking } from "./choice";
import { words } from "./words";

const FIRST_NAMES = 3;

interface Props {
  readonly pool: string;
  readonly seen: WhatIf | null;
  readonly asked: boolean;
  readonly problem: Error | null;
  readonly adding: boolean;
  readonly add: () => void;
  readonly close: () => void;
}

export function Consequences({ pool, seen, asked, problem, adding, add, close }: Props) {
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
        <Told key={seen.kind + seen.name + seen.hosts.join()} pool={pool} seen={seen} adding={adding} add={add} close={close} />
      )}
    </aside>
  );
}

type ToldProps = Pick<Props, "pool" | "adding" | "add" | "close"> & { readonly seen: WhatIf };

function Told({ pool, seen, adding, add, close }: ToldProps) {
  const t = useWords(words);
  const named = seen.hosts.length && seen.kind === "hosts" ? seen.hosts : [bare(seen.name)];
  const host = seen.kind === "host" ? seen.hosts[0] : undefined;
  const title = host ?? named3(named);
  const all = seen.vms.length + seen.lost.length;
  const together = seen.kind === "host" || seen.kind === "hosts";
  const failing = together ? { ...NOTHING, hosts: seen.hosts } : { ...NOTHING, domain: seen.name };
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
      {seen.asks.length > 0 && (
        <div className="ap-consequences__part">
          <h3 className="ap-warn">{t.asks}</h3>
          <ul className="ap-refused">
            {seen.asks.map((one) => (
              <li key={one.why}>
                <Icon name="users" /> {named3(one.hosts)}: {one.why}
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
              <strong>{t.leftDown(one.vm_name)}</strong>
              <p>
                {one.why}
                {one.left && one.near && <span className="ap-subtle"> {t.room(one.near)}</span>}
              </p>
            </div>
          </div>
        ))}
        {waves(seen.vms).map(([priority, fates]) => (
          <section key={priority}>
            <h3>{t.level[priority as keyof typeof t.level] ?? t.priority(priority)}</h3>
            <ul className="ap-fates">
              {fates.map((one) => (
                <li key={one.vm} title={one.why}>
                  <span className="ap-cut">{one.vm_name}</span>
                  <Icon name="arrow" tone="plan" />
                  <span className="ap-cut">{one.host_name}</span>
                  <span className="ap-small ap-subtle">{t.startsAt(span(one.starts_s ?? 0))}</span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <div className="ap-row ap-row--wrap ap-consequences__part">
        {seen.kind !== "datastore" && (
          <Link className="ap-button ap-button--main" href={`/pools/${encodeURIComponent(pool)}/rehearsal${asking(failing)}`}>
            <Icon name="flask" /> {t.rehearse}
          </Link>
        )}
        {together && (
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

/** The first names, and that there are more. */
function named3(names: readonly string[]): string {
  return names.length > FIRST_NAMES ? `${names.slice(0, FIRST_NAMES).join(", ")}, …` : names.join(", ");
}

function waves(fates: readonly Fate[]): [string, Fate[]][] {
  const found = new Map<string, Fate[]>();
  for (const one of fates) found.set(one.priority, [...(found.get(one.priority) ?? []), one]);
  return [...found];
}
