import { useMemo } from "react";
import type { Host } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, percent } from "../../i18n/format";
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

const cpu = (host: Host): string => (host.load ? percent(host.load.cpu_percent) : "");
const used = (host: Host): number =>
  (100 * (host.memory_mib - host.memory_free_mib)) / Math.max(1, host.memory_mib);
const state = (host: Host): string => (host.state === "up" && host.maintenance ? "maintenance" : host.state);

function columns(t: Titles): readonly Column<Host>[] {
  return [
    named<Host>(t.name, "/hosts"),
    { key: "state", title: t.state, width: 120, order: "state", text: state, cell: (host) => <State name={state(host)} /> },
    plain("pool", t.pool, (host) => host.pool, { order: "pool" }),
    plain("vms", t.vms, (host) => String(host.vms), { width: 70, end: true, order: "vms" }),
    { key: "cpu", title: t.cpu, width: 80, end: true, text: cpu, cell: (host) => <Fresh of={host.id} value={cpu(host)}>{cpu(host)}</Fresh> },
    {
      key: "memory", title: t.memory, width: 190, order: "memory", text: (host) => mib(host.memory_mib),
      cell: (host) => (
        <>
          <Bar percent={used(host)} label={t.memoryOf(host.name)} /> {t.of(percent(used(host)), mib(host.memory_mib))}
        </>
      ),
    },
    plain("free", t.free, (host) => mib(host.memory_free_mib), { width: 100, end: true, order: "memory-free" }),
    plain("cpus", t.cpus, (host) => String(host.cpus), { width: 70, end: true, order: "cpus" }),
    plain("hypervisor", t.hypervisor, (host) => host.hypervisor, { width: 120, order: "hypervisor" }),
    tagged<Host>(t.tags, "/hosts"),
    plain("cluster", t.cluster, (host) => host.cluster, { hidden: true, order: "cluster" }),
    plain("place", t.place, (host) => host.place, { hidden: true, order: "place" }),
    plain("cpuModel", t.cpuModel, (host) => host.cpu_model, { hidden: true, width: 160, order: "cpu-model" }),
    plain("id", t.id, (host) => host.id, { hidden: true, width: 280 }),
  ];
}

function actions(t: Titles, b: BulkWords): readonly Bulk<Host>[] {
  const a = t.actions;
  return [
    { key: "evacuate", label: a.evacuate, icon: "lr", deed: { path: "/hosts/{key}/evacuate" } },
    { key: "open", label: a.open, icon: "undo", deed: { path: "/hosts/{key}/leave-maintenance" } },
    tagging<Host>(b, "/hosts"),
  ];
}

export default function Hosts() {
  const t = useWords(words);
  const list = useMemo<ListOf<Host>>(
    () => ({
      path: "/hosts",
      jumps: true,
      row: (host) => ({ key: host.id, name: host.name }),
      columns: columns(t),
      facets: [
        { field: "state", title: t.state },
        { field: "pool", title: t.pool },
        { field: "maintenance", title: t.maintenance },
        { field: "tag", title: t.tags },
        { field: "hypervisor", title: t.hypervisor },
        { field: "cluster", title: t.cluster },
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => actions(t, b), [t, b]);
  return <ListPage title={t.titles.hosts} empty={<Nothing of="hosts" />} actions={<Beginning to="/endpoints/new" />} list={list} bulk={bulk} tree={(query) => <Tree query={query} hosts />} />;
}
