import { Link, useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Datastore, Vm, VmHa } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, mib } from "../../i18n/format";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
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

type Words = typeof words.en;

function deeds(t: Words, vm: Vm): readonly Named[] {
  const d = t.deeds;
  const runs = vm.state === "running";
  const off = vm.state === "stopped" || vm.state === "crashed";
  return [
    { label: d.start, icon: "play", fits: off, deed: { path: "/vms/{key}/start" } },
    { label: d.migrate, icon: "lr", fits: runs, deed: { path: "/vms/{key}/migrate", asks: [{ field: "host", label: d.toHost, optional: true }] } },
    { label: d.shutDown, icon: "power", fits: runs, deed: { path: "/vms/{key}/shut-down" } },
    { label: d.snapshot, icon: "camera", fits: runs || off, deed: { path: "/vms/{key}/snapshots", asks: [{ field: "name", label: d.snapshotName }] } },
    { label: d.reboot, icon: "undo", fits: runs, deed: { path: "/vms/{key}/reboot" } },
    { label: d.pause, icon: "pause", fits: runs, deed: { path: "/vms/{key}/pause" } },
    { label: d.resume, icon: "play", fits: vm.state === "paused", deed: { path: "/vms/{key}/resume" } },
    { label: d.rename, icon: "edit", fits: true, deed: { path: "/vms/{key}/rename", asks: [{ field: "name", label: d.newName }] } },
    { label: d.reset, icon: "bolt", fits: runs, deed: { path: "/vms/{key}/reset", danger: true } },
    { label: d.powerOff, icon: "power", fits: runs, deed: { path: "/vms/{key}/power-off", danger: true } },
    { label: d.delete, icon: "trash", fits: off, deed: { path: "/vms/{key}", method: "DELETE", danger: true } },
  ];
}

function storesOf(vm: Vm | undefined): string[] {
  return [...new Set((vm?.disks ?? []).map((one) => one.datastore ?? "").filter(Boolean))];
}

function related(t: Words, vm: Vm, names: ReadonlyMap<string, string>): readonly (readonly Related[])[] {
  const nets = [...new Set(vm.nics.map((one) => one.network ?? "").filter(Boolean))];
  return [
    [
      ...storesOf(vm).map((id) => ({ icon: "storage" as const, name: names.get(id) ?? id, href: `/datastores/${encodeURIComponent(id)}` })),
      ...nets.map((id) => ({ icon: "network" as const, name: id, href: `/networks/${encodeURIComponent(id)}` })),
    ],
    [
      vm.host
        ? { icon: "cluster", name: vm.host_name ?? vm.host, href: `/hosts/${encodeURIComponent(vm.host)}` }
        : { icon: "warn", name: t.nowhere },
    ],
    [{ icon: "vm", name: vm.name, here: true }],
    vm.image ? [{ icon: "image", name: vm.image.name ?? vm.image.id, href: `/images/${encodeURIComponent(vm.image.id)}` }] : [],
  ];
}

export default function VmPage() {
  const t = useWords(words);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/vms/${encodeURIComponent(id)}`;
  const found = useRead<Vm>(path);
  const ha = useRead<VmHa>(`${path}/ha`, {}, { enabled: found.data !== undefined });
  const stores = storesOf(found.data);
  const asked = { q: `id in (${stores.map(written).join(", ")})`, limit: stores.length };
  const known = useRows<Datastore>("/datastores", asked, { enabled: stores.length > 0 });
  const names = new Map((known.data?.items ?? []).map((one) => [one.id, one.name]));
  if (found.error) return <ObjectProblem problem={found.error} />;
  const vm = found.data;
  if (!vm) return <Waiting what={t.reading} />;
  return (
    <div className="ap-object">
      <div className="ap-object__head">
        <h1>{vm.name}</h1>
        <State name={vm.state} />
        <Tags path={path} name={vm.name} tags={vm.tags} />
        <span className="ap-grow" />
        {vm.state === "running" && (
          <>
            <Link href={`${path}/console/vnc`} className="ap-button">
              <Icon name="desktop" /> {t.console.vnc}
            </Link>
            <Link href={`${path}/console/serial`} className="ap-button">
              <Icon name="term" /> {t.console.serial}
            </Link>
          </>
        )}
        <Beginning to="protect" path={`/vms/${encodeURIComponent(vm.id)}/protect`} />
        <DeedButtons deeds={deeds(t, vm)} target={{ key: vm.id, name: vm.name }} />
      </div>
      {vm.unseen && (
        <div className="ap-call ap-call--warn ap-object__card--wide">
          <Icon name="warn" tone="icon--warn" /> {t.unseen}
        </div>
      )}
      <Card title={t.facts}>
        <Facts
          of={[
            [t.host, vm.host ? <Link key="h" href={`/hosts/${encodeURIComponent(vm.host)}`}>{vm.host_name ?? vm.host}</Link> : t.nowhere],
            [t.reason, vm.reason],
            [t.vcpus, String(vm.vcpus)],
            [t.memory, mib(vm.memory_mib)],
            [t.disks, vm.disks.map((one) => `${one.target} ${bytes(one.size_bytes)}`).join(", ")],
            [t.networks, vm.nics.map((one) => `${one.network ?? "–"} ${one.mac}`).join(", ")],
            [t.image, vm.image?.name ?? ""],
            [t.snapshots, vm.snapshots.map((one) => one.name).join(", ")],
            [t.protection, ha.data ? ha.data.why || ha.data.protection : ""],
            [t.agent, vm.agent.why || vm.agent.state],
            [t.place, vm.place],
            [t.labels, vm.labels.join(", ")],
            [t.id, <code key="id">{vm.id}</code>],
          ]}
        />
      </Card>
      <Rules kind="vm" id={vm.id} />
      <Relations title={t.relations} columns={related(t, vm, names)} />
      <Loads path={path} name={vm.name} />
      <Past kind="vm" id={vm.id} />
    </div>
  );
}
