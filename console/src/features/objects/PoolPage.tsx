/** A pool opens with what would die in it; what it is, what it did and may do stand below. */
import { Link, useParams } from "wouter";
import { useRead } from "../../api/queries";
import type { Pool } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { Waiting } from "../../ui/Waiting";
import "../deathmap/deathmap.css";
import { MapOfPool } from "../deathmap/MapOfPool";
import { words as listWords } from "../lists/words";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Plans, Rules } from "./parts";
import { hostBox, useHosts } from "./related";
import { Relations } from "./Relations";
import { words } from "./words";

export default function PoolPage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/pools/${encodeURIComponent(id)}`;
  const found = useRead<Pool>(path);
  const inside = `pool = ${written(id)}`;
  const hosts = useHosts(inside, t.allOf);
  if (found.error) return <ObjectProblem problem={found.error} />;
  const pool = found.data;
  if (!pool || pool.id !== id) return <Waiting what={t.reading} />;
  const carries = pool.hosts > 1 && !pool.observe_only;
  const deeds: readonly Named[] = [
    { label: t.deeds.balance, icon: "lr", fits: carries, deed: { path: "/pools/{key}/balance" } },
    { label: t.deeds.consolidate, icon: "leaf", fits: carries, deed: { path: "/pools/{key}/consolidate" } },
  ];
  return (
    <Frame
      name={pool.id}
      list={[l.titles.pools, "/pools"]}
      state={pool.observe_only && <span className="ap-label">{l.observeOnly}</span>}
      actions={
        <>
          <Link className="ap-button" href={`${path}/rehearsal`}>
            <Icon name="flask" /> {t.rehearse}
          </Link>
          <DeedButtons deeds={deeds} target={{ key: pool.id, name: pool.id }} />
        </>
      }
    >
      <section className="ap-deathmap ap-stack ap-object__card--wide" aria-label={t.whatWouldDie}>
        <MapOfPool key={pool.id} pool={pool.id} base={path} />
      </section>
      <Card title={t.facts}>
        <Facts
          of={[
            [l.description, pool.description],
            [l.hosts, <Link key="h" href={`/hosts?q=${encodeURIComponent(inside)}`}>{number(pool.hosts)}</Link>],
            [t.vms, <Link key="v" href={`/vms?q=${encodeURIComponent(`host.pool = ${written(id)}`)}`}>{number(pool.vms)}</Link>],
            [l.endpoints, pool.endpoints.join(", ")],
            [t.unreadEndpoints, pool.unread.join(", ")],
            [l.observeOnly, pool.observe_only ? l.yes : l.no],
          ]}
        />
        <ul className="ap-lines">
          {pool.failover.map((one) => (
            <li key={one.policy}>
              <Icon name={one.survives ? "shield" : "warn"} tone={one.survives ? "ok" : "loss"} />
              <Link href={`/policies/${encodeURIComponent(one.policy)}`}>{one.policy}</Link>
              <span className="ap-subtle">{one.why}</span>
            </li>
          ))}
        </ul>
      </Card>
      <Rules kind="pool" id={pool.id} />
      <Relations
        title={t.relations}
        columns={[
          pool.endpoints.slice(0, 12).map((name) => ({ icon: "plug" as const, name })),
          [{ icon: "cubes", name: pool.id, here: true }],
          [...hosts.hosts.map((one) => hostBox(one)), ...hosts.more],
        ]}
      />
      <Plans q={`goal ~ ${written(pool.id)}`} />
      <Past kind="pool" id={pool.id} />
    </Frame>
  );
}
