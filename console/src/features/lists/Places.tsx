import { useMemo } from "react";
import type { Datastore, Image, Network } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, percent } from "../../i18n/format";
import type { ListOf } from "../../table/column";
import { ListPage } from "../../table/ListPage";
import { Bar } from "../../ui/Bar";
import { named, plain, tagged, yesNo } from "./columns";
import { tagging } from "./bulk";
import { bulkWords } from "./bulkwords";
import { Nothing } from "./Nothing";
import { words } from "./words";

export function Datastores() {
  const t = useWords(words);
  const list = useMemo<ListOf<Datastore>>(
    () => ({
      path: "/datastores",
      jumps: true,
      row: (one) => ({ key: one.id, name: one.name }),
      columns: [
        named<Datastore>(t.name, "/datastores"),
        plain("kind", t.kind, (one) => one.kind, { width: 80, order: "kind" }),
        plain("capacity", t.capacity, (one) => bytes(one.capacity_bytes), { width: 100, end: true, order: "capacity" }),
        {
          key: "free", title: t.freeDisk, width: 190, order: "free", text: (one) => bytes(one.free_bytes),
          cell: (one) => {
            const used = 100 - (100 * one.free_bytes) / Math.max(1, one.capacity_bytes);
            return (
              <>
                <Bar percent={used} label={one.name} /> {t.of(bytes(one.free_bytes), bytes(one.capacity_bytes))}{" "}
                <span className="ap-least">{percent(100 - used)}</span>
              </>
            );
          },
        },
        plain("shared", t.shared, (one) => yesNo(t, one.shared), { width: 90, order: "shared" }),
        plain("locking", t.locking, (one) => one.locking, { order: "locking" }),
        plain("hosts", t.hosts, (one) => String(one.hosts.length), { width: 70, end: true }),
        plain("path", t.path, (one) => one.path, { width: 180, grow: 2, order: "path" }),
        tagged<Datastore>(t.tags, "/datastores"),
      ],
      facets: [
        { field: "kind", title: t.kind },
        { field: "shared", title: t.shared },
        { field: "locking", title: t.locking },
        { field: "tag", title: t.tags },
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => [tagging<Datastore>(b, "/datastores")], [b]);
  return <ListPage title={t.titles.datastores} empty={<Nothing of="datastores" />} bulk={bulk} list={list} />;
}

export function Networks() {
  const t = useWords(words);
  const list = useMemo<ListOf<Network>>(
    () => ({
      path: "/networks",
      jumps: true,
      row: (one) => ({ key: one.id, name: one.name }),
      columns: [
        named<Network>(t.name, "/networks"),
        plain("kind", t.kind, (one) => one.kind, { order: "kind" }),
        plain("bridge", t.bridge, (one) => one.bridge, { order: "bridge" }),
        plain("vlan", t.vlan, (one) => (one.vlan ? String(one.vlan) : ""), { width: 70, end: true, order: "vlan" }),
        plain("hosts", t.hosts, (one) => String(one.hosts.length), { width: 70, end: true }),
        plain("place", t.place, (one) => one.place, { order: "place" }),
        plain("tags", t.tags, (one) => one.tags.join(" "), { width: 160, grow: 2 }),
      ],
      facets: [
        { field: "kind", title: t.kind },
        { field: "tag", title: t.tags },
      ],
    }),
    [t],
  );
  return <ListPage title={t.titles.networks} empty={<Nothing of="networks" />} list={list} />;
}

export function Images() {
  const t = useWords(words);
  const list = useMemo<ListOf<Image>>(
    () => ({
      path: "/images",
      jumps: true,
      row: (one) => ({ key: one.id, name: one.name }),
      columns: [
        named<Image>(t.name, "/images"),
        plain("description", t.description, (one) => one.description, { width: 180, grow: 2 }),
        plain("versions", t.versions, (one) => String(one.versions.length), { width: 90, end: true, order: "versions" }),
        plain("vms", t.vms, (one) => String(one.vms), { width: 70, end: true }),
        plain("size", t.size, (one) => bytes(one.size_bytes), { width: 90, end: true, order: "size" }),
        plain("format", t.format, (one) => one.format, { width: 90, order: "format" }),
        plain("datastore", t.datastore, (one) => one.datastore_name, { order: "datastore" }),
        plain("digest", t.digest, (one) => one.digest ?? "", { width: 180, order: "digest" }),
      ],
      facets: [
        { field: "format", title: t.format },
        { field: "datastore", title: t.datastore },
      ],
    }),
    [t],
  );
  return <ListPage title={t.titles.images} empty={<Nothing of="images" />} list={list} />;
}
