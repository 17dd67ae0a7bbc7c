import { Link, useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Host, Vm } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, number } from "../../i18n/format";
import { written } from "../../search/query";
import { State } from "../../ui/State";
import { Tags } from "../../ui/Tags";
import { Waiting } from "../../ui/Waiting";
import { Beginning } from "../wizards/Beginning";
import { DeedButtons, type Named } from "./DeedButtons";
import { ObjectProblem } from "./Frame";
import "./objects.css";
import { Card, Facts, Loads, Past, Rules } from "./parts";
import { Relations, type Related } from "./Relations";
import { words } from "./words";

const SHOWN = 20;

export default function HostPage() {
  const t = useWords(words);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/hosts/${encodeURIComponent(id)}`;
  const found = useRead<Host>(path);
  const host = found.data;
  const onIt = `host.id = ${written(host?.id ?? id)}`;
  const vms = useRows<Vm>("/vms", { q: onIt, limit: SHOWN }, { enabled: host !== undefined });
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!host) return <Waiting what={t.reading} />;
  const deeds: readonly Named[] = [
    { label: t.deeds.evacuate, icon: "lr", fits: host.state === "up" && !host.maintenance, deed: { path: "/hosts/{key}/evacuate" } },
    { label: t.deeds.open, icon: "undo", fits: host.maintenance, deed: { path: "/hosts/{key}/leave-maintenance" } },
  ];
  const carried: Related[] = (vms.data?.items ?? []).map((one) => ({
    icon: "vm",
    name: one.name,
    href: `/vms/${encodeURIComponent(one.id)}`,
  }));
  if ((vms.data?.total ?? 0) > SHOWN) {
    const all = number(vms.data?.total ?? 0);
    carried.push({ icon: "list", name: t.allOf(all), href: `/vms?q=${encodeURIComponent(onIt)}` });
  }
  return (
    <div className="ap-object">
      <div className="ap-object__head">
        <h1>{host.name}</h1>
        <State name={host.state === "up" && host.maintenance ? "maintenance" : host.state} />
        <Tags path={path} name={host.name} tags={host.tags} />
        <span className="ap-grow" />
        {!host.maintenance && (
          <Beginning to="maintenance" path={`/hosts/${encodeURIComponent(host.id)}/maintenance`} />
        )}
        <DeedButtons deeds={deeds} target={{ key: host.id, name: host.name }} />
      </div>
      {host.observe_only && <div className="ap-call ap-object__card--wide">{t.observeOnly}</div>}
      <Card title={t.facts}>
        <Facts
          of={[
            [t.pool, <Link key="p" href={`/hosts?q=${encodeURIComponent(`pool = ${written(host.pool)}`)}`}>{host.pool}</Link>],
            [t.vms, <Link key="v" href={`/vms?q=${encodeURIComponent(onIt)}`}>{number(host.vms)}</Link>],
            [t.memory, mib(host.memory_mib)],
            [t.free, mib(host.memory_free_mib)],
            [t.cpus, String(host.cpus)],
            [t.cpuModel, host.cpu_model],
            [t.hypervisor, host.hypervisor],
            [t.cluster, host.cluster],
            [t.place, host.place],
            [t.endpoint, host.endpoint],
            [t.bmc, host.bmc ? `${host.bmc.product} ${host.bmc.power}${host.bmc.watts === null ? "" : ` ${t.watts(number(host.bmc.watts))}`}` : ""],
            [t.labels, host.labels.join(", ")],
            [t.id, <code key="id">{host.id}</code>],
          ]}
        />
      </Card>
      <Rules kind="host" id={host.id} />
      <Relations
        title={t.relations}
        columns={[
          [
            ...host.datastores.map((name) => ({ icon: "storage" as const, name, href: `/datastores?q=${encodeURIComponent(`name = ${written(name)}`)}` })),
            ...host.networks.map((name) => ({ icon: "network" as const, name, href: `/networks?q=${encodeURIComponent(`name = ${written(name)}`)}` })),
          ],
          [{ icon: "cluster", name: host.name, here: true }],
          carried,
        ]}
      />
      <Loads path={path} name={host.name} />
      <Past kind="host" id={host.id} />
    </div>
  );
}
