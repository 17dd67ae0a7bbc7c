/** Hosts with what runs on them: the first look. */
import { useState } from "react";
import { Link } from "wouter";
import { useRows } from "../../api/queries";
import type { Host } from "../../api/types";
import { useWords } from "../../i18n";
import { useSimulated } from "../../app/Simulated";
import { mib, number } from "../../i18n/format";
import { Bar } from "../../ui/Bar";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { Start } from "../wizards/Start";
import { Demo } from "./Demo";
import "./overview.css";
import { words } from "./words";

export default function Overview() {
  const t = useWords(words);
  const simulated = useSimulated();
  const [begun, setBegun] = useState(false);
  const hosts = useRows<Host>("/hosts", { limit: 200, facets: "state" });
  const vms = useRows<unknown>("/vms", { limit: 1, facets: "state" });
  const endpoints = useRows<unknown>("/endpoints", { limit: 1 });
  if (hosts.error) return <ProblemBox problem={hosts.error} again={() => void hosts.refetch()} />;
  if (!hosts.data || !vms.data || !endpoints.data) return <Waiting />;
  const empty = hosts.data.total === 0 && endpoints.data.total === 0;
  if (begun || empty) return <Start onBegun={() => setBegun(true)} />;
  const count = (rows: typeof vms.data, state: string): number =>
    rows.facets?.[0]?.values.find((one) => one.value === state)?.count ?? 0;
  const unknown = count(vms.data, "unknown");
  const silent = count(hosts.data, "unknown");
  const off = count(hosts.data, "off");
  const calm = off ? t.off(off) : t.calm;
  const trouble = unknown ? t.unknown(unknown) : silent ? t.silent(silent) : "";
  return (
    <div className="ap-page">
      <h1>{t.headline(number(hosts.data.total), number(vms.data.total))}</h1>
      <p className={trouble ? "ap-warn" : "ap-subtle"}>
        {trouble || (hosts.data.total ? calm : t.none)}
      </p>
      {simulated && <Demo />}
      <ul className="ap-overview">
        {hosts.data.items.map((host) => (
          <li key={host.id} className="ap-card ap-card--padded">
            <div className="ap-row">
              <Link href={`/hosts/${host.id}`} className="ap-strong ap-grow ap-cut">
                {host.name}
              </Link>
              <HostState host={host} />
            </div>
            <div className="ap-row ap-small ap-subtle">
              <Bar
                percent={(100 * (host.memory_mib - host.memory_free_mib)) / Math.max(1, host.memory_mib)}
                label={t.memoryOf(host.name)}
              />
              <span>{t.free(mib(host.memory_free_mib), mib(host.memory_mib))}</span>
              <span className="ap-grow" />
              <span>{t.vms(host.vms)}</span>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}

function HostState({ host }: { host: Host }) {
  const t = useWords(words);
  if (host.state === "up" && host.maintenance)
    return <span className="ap-label ap-label--warn">{t.maintenance}</span>;
  if (host.state === "up") return <span className="ap-label">{t.up}</span>;
  if (host.state === "off") return <span className="ap-label">{t.isOff}</span>;
  return <span className="ap-label ap-label--loss">{t.noAnswer}</span>;
}
