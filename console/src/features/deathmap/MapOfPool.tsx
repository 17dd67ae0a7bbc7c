/** What would die in one pool: a sentence, its racks, larger failures, and what each would do. */
import { useMemo, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Failure, Fate, Host, Pool, WhatIf } from "../../api/types";
import { useWords } from "../../i18n";
import { number, span } from "../../i18n/format";
import "../../pictures/pictures.css";
import { bare } from "../../pictures/racks";
import { Icon } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { MOST, NOTHING, asking, chosenIn, type Choice } from "./choice";
import { Consequences } from "./Consequences";
import "./deathmap.css";
import { RackMap } from "./RackMap";
import { words } from "./words";

/** `base` is the address of the page that it is on, which keeps what was chosen. */
export function MapOfPool({ pool, base }: { pool: string; base: string }) {
  const t = useWords(words);
  const path = `/pools/${encodeURIComponent(pool)}`;
  const hosts = useRows<Host>("/hosts", { limit: MOST, q: `pool = "${pool}"` });
  const failures = useRows<Failure>(`${path}/death-map`, { limit: MOST });
  const lost = useRows<Fate>(`${path}/fates`, { limit: 4, q: "kind = host and survives = false" });
  const whole = useRead<Pool>(path);
  const search = useSearch();
  const [, go] = useLocation();
  const choice = chosenIn(search);
  const setChoice = (next: Choice): void => {
    const kept = new URLSearchParams(search).get("pool") ?? "";
    go(`${base}${asking(next, kept)}`, { replace: true });
  };
  const [adding, setAdding] = useState(false);
  const asked = choice.hosts.length > 0 || choice.domain !== "" || choice.datastore !== "";
  const query = { host: choice.hosts.join(","), domain: choice.domain, datastore: choice.datastore };
  const what = useRead<WhatIf>(`${path}/what-if`, query, { enabled: asked });
  const rows = useMemo(() => failures.data?.items ?? [], [failures.data]);
  const error = hosts.error ?? failures.error;
  if (error) return <ProblemBox problem={error} again={() => void failures.refetch()} />;
  if (!hosts.data || !failures.data) return <Waiting />;
  if (!hosts.data.total) return <p className="ap-card ap-empty">{t.noHosts}</p>;
  const pointed = (host: string, also: boolean): void => {
    const before = choice.hosts.filter((one) => one !== host);
    const together = adding || also;
    setChoice({ ...NOTHING, hosts: together ? (before.length < choice.hosts.length ? before : [...before, host]) : [host] });
    setAdding(false);
  };
  const choose = (one: Failure): void =>
    setChoice(
      one.kind === "datastore" ? { ...NOTHING, datastore: one.name } : one.kind === "host" ? { ...NOTHING, hosts: [one.name] } : { ...NOTHING, domain: one.name },
    );
  const seen = asked && what.data && !what.isPlaceholderData ? what.data : null;
  const takes = new Map<string, number>();
  for (const one of seen?.vms ?? []) if (one.host_name) takes.set(one.host_name, (takes.get(one.host_name) ?? 0) + 1);
  return (
    <>
      <Headline pool={whole.data} failures={rows} lost={lost.data?.items ?? []} />
      <div className="ap-deathmap__body">
        <div className="ap-stack ap-grow">
          <RackMap hosts={hosts.data.items} failures={rows} takes={takes} chosen={seen?.hosts ?? choice.hosts} point={pointed} choose={choose} />
          <Domains failures={rows} choice={choice} choose={choose} />
          <details className="ap-card ap-card--padded">
            <summary>{t.asTable}</summary>
            <AsTable failures={rows} choose={choose} />
          </details>
        </div>
        <Consequences seen={seen} asked={asked} problem={asked ? what.error : null} pool={pool} adding={adding} add={() => setAdding(!adding)} close={() => setChoice(NOTHING)} />
      </div>
    </>
  );
}

function Headline({ pool, failures, lost }: { pool: Pool | undefined; failures: readonly Failure[]; lost: readonly Fate[] }) {
  const t = useWords(words);
  const spare = [...(pool?.failover ?? [])].sort((a, b) => b.failures - a.failures)[0];
  const open = failures.filter((one) => one.kind === "host").reduce((sum, one) => sum + one.lost, 0);
  const left = failures.filter((one) => one.kind === "host").reduce((sum, one) => sum + one.left, 0);
  const alone = failures.filter((one) => one.kind === "host" && one.asks > 0 && one.vms > one.lost).length;
  const text = spare
    ? spare.survives ? t.survivesPolicy(spare.failures) : t.notPolicy(spare.failures)
    : open ? t.losesSome(open) : alone ? t.placesAny : t.survivesAny;
  const fine = spare ? spare.survives : open === 0;
  return (
    <section className="ap-card ap-headline">
      <div>
        <h2 className="ap-headline__text">
          <Icon name={fine ? "shield" : "warn"} tone={fine ? "ok" : "loss"} /> {text}
        </h2>
        <p className="ap-subtle">
          {t.tried(number(failures.length))} {spare?.why}
        </p>
        {left > 0 && <p className="ap-subtle">{t.leftOf(left, open)}</p>}
        {alone > 0 && (
          <p className="ap-warn">
            <Icon name="users" /> {t.alone(alone)} <Link href="/policies/new">{t.guard}</Link>
          </p>
        )}
      </div>
      {open > 0 && lost.length > 0 && (
        <div className="ap-headline__lost">
          <h3 className="ap-loss">
            <Icon name="warn" /> {t.notCovered(open)}
          </h3>
          <ul>
            {lost.map((one) => (
              <li key={one.vm}>
                <span className="ap-strong">{one.vm_name}</span> <span className="ap-subtle">{t.on(one.home_name)}</span>{" "}
                <span className="ap-subtle">{one.why}</span>
              </li>
            ))}
            {open > lost.length && <li className="ap-least">{t.more(open - lost.length)}</li>}
          </ul>
        </div>
      )}
    </section>
  );
}

function Domains({ failures, choice, choose }: { failures: readonly Failure[]; choice: Choice; choose: (one: Failure) => void }) {
  const t = useWords(words);
  const kinds = [...new Set(failures.map((one) => one.kind))];
  return (
    <section aria-label={t.domains}>
      <ul className="ap-domains">
        {kinds.map((kind) => {
          const cases = failures.filter((one) => one.kind === kind);
          const worst = [...cases].sort((a, b) => b.lost - a.lost || b.vms - a.vms)[0];
          if (!worst) return null;
          const here = kind === "datastore" ? choice.datastore !== "" : cases.some((one) => one.name === choice.domain);
          return (
            <li key={kind}>
              <button type="button" className={`ap-card ap-domain${here ? " ap-domain--chosen" : ""}`} onClick={() => choose(worst)}>
                <strong>{t.kinds[kind as keyof typeof t.kinds] ?? kind}</strong>
                <span className="ap-small ap-subtle">{t.cases(cases.length)}</span>
                <span className={worst.lost ? "ap-loss ap-strong" : "ap-ok ap-strong"}>
                  <Icon name={worst.lost ? "warn" : "ok"} /> {worst.lost ? t.stayDown(worst.lost) : t.allRestart}
                </span>
                <span className="ap-small ap-subtle ap-cut">{t.worst(bare(worst.name))}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function AsTable({ failures, choose }: { failures: readonly Failure[]; choose: (one: Failure) => void }) {
  const t = useWords(words);
  return (
    <PlainTable label={t.asTable} head={[t.failure, t.kind, t.vms, t.lost, t.lastStart, t.why]}>
      {failures.map((one) => (
        <tr key={`${one.kind}/${one.name}`}>
          <th scope="row">
            <button type="button" className="ap-button ap-button--link" onClick={() => choose(one)}>
              {bare(one.name)}
            </button>
          </th>
          <td>{t.kinds[one.kind as keyof typeof t.kinds] ?? one.kind}</td>
          <td>{number(one.vms)}</td>
          <td className={one.lost ? "ap-loss" : ""}>{number(one.lost)}</td>
          <td>{span(one.seconds)}</td>
          <td>{one.why}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
