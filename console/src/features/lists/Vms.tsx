import { useMemo } from "react";
import { Link } from "wouter";
import type { Vm } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, mib, percent } from "../../i18n/format";
import type { Bulk } from "../../table/BulkBar";
import type { Column, ListOf } from "../../table/column";
import { ListPage } from "../../table/ListPage";
import { Bar } from "../../ui/Bar";
import { Fresh } from "../../ui/Fresh";
import { State } from "../../ui/State";
import { named, plain, tagged } from "./columns";
import { Tree } from "./Tree";
import { Beginning } from "../wizards/Beginning";
import { tagging } from "./bulk";
import { bulkWords, type BulkWords } from "./bulkwords";
import { Nothing } from "./Nothing";
import { words, type Titles } from "./words";

const disks = (vm: Vm): number => vm.disks.reduce((sum, one) => sum + one.size_bytes, 0);
const cpu = (vm: Vm): string => (vm.load ? percent(vm.load.cpu_percent) : "");

function columns(t: Titles): readonly Column<Vm>[] {
  return [
    named<Vm>(t.name, "/vms"),
    { key: "state", title: t.state, width: 120, order: "state", text: (vm) => vm.state, cell: (vm) => <State name={vm.state} /> },
    {
      key: "host", title: t.host, width: 110, order: "host", text: (vm) => vm.host_name ?? "",
      cell: (vm) => vm.host
        ? <Link href={`/hosts/${encodeURIComponent(vm.host)}`}>{vm.host_name ?? vm.host}</Link>
        : <span className="ap-least">{t.nowhere}</span>,
    },
    {
      key: "cpu", title: t.cpu, width: 80, end: true, text: cpu,
      cell: (vm) => <Fresh of={vm.id} value={cpu(vm)}>{cpu(vm)}</Fresh>,
    },
    {
      key: "memory", title: t.memory, width: 190, order: "memory", text: (vm) => mib(vm.memory_mib),
      cell: (vm) => (
        <>
          {vm.load && (
            <Bar percent={(100 * vm.load.memory_used_mib) / Math.max(1, vm.memory_mib)} label={t.memoryOf(vm.name)} />
          )}{" "}
          {vm.load
            ? t.of(percent((100 * vm.load.memory_used_mib) / Math.max(1, vm.memory_mib)), mib(vm.memory_mib))
            : mib(vm.memory_mib)}
        </>
      ),
    },
    plain("vcpus", t.vcpus, (vm) => String(vm.vcpus), { width: 70, end: true, order: "vcpus" }),
    plain("disks", t.disks, (vm) => bytes(disks(vm)), { width: 90, end: true, order: "disk-size" }),
    tagged<Vm>(t.tags, "/vms"),
    plain("image", t.image, (vm) => vm.image?.name ?? "", { hidden: true, order: "image" }),
    plain("place", t.place, (vm) => vm.place, { hidden: true, order: "place" }),
    plain("labels", t.labels, (vm) => vm.labels.join(" "), { hidden: true }),
    plain("snapshots", t.snapshots, (vm) => String(vm.snapshots.length), { hidden: true, end: true, order: "snapshots" }),
    plain("id", t.id, (vm) => vm.id, { hidden: true, width: 280 }),
  ];
}

function actions(t: Titles, b: BulkWords): readonly Bulk<Vm>[] {
  const a = t.actions;
  return [
    { key: "migrate", label: a.migrate, icon: "lr", deed: { path: "/vms/{key}/migrate", asks: [{ field: "host", label: a.toHost, optional: true }] } },
    { key: "snapshot", label: a.snapshot, icon: "camera", deed: { path: "/vms/{key}/snapshots", asks: [{ field: "name", label: a.snapshotName }] } },
    { key: "start", label: a.start, icon: "play", deed: { path: "/vms/{key}/start" } },
    { key: "shut-down", label: a.shutDown, icon: "power", deed: { path: "/vms/{key}/shut-down" } },
    tagging<Vm>(b, "/vms"),
  ];
}

export default function Vms() {
  const t = useWords(words);
  const list = useMemo<ListOf<Vm>>(
    () => ({
      path: "/vms",
      jumps: true,
      row: (vm) => ({ key: vm.id, name: vm.name }),
      columns: columns(t),
      facets: [
        { field: "state", title: t.state },
        { field: "host.pool", title: t.pool },
        { field: "tag", title: t.tags },
        { field: "host", title: t.host },
        { field: "platform", title: t.platform },
        { field: "datastore", title: t.datastore },
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => actions(t, b), [t, b]);
  return <ListPage title={t.titles.vms} empty={<Nothing of="vms" />} actions={<Beginning to="/vms/new" />} list={list} bulk={bulk} tree={(query) => <Tree query={query} />} />;
}
