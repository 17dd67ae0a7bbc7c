import { useMemo } from "react";
import { Link } from "wouter";
import type { Profile, Server } from "../../api/types";
import { useWords } from "../../i18n";
import { mib } from "../../i18n/format";
import type { ListOf } from "../../table/column";
import { ListPage } from "../../table/ListPage";
import { State, useStateWord } from "../../ui/State";
import { named, plain, tagged, yesNo } from "./columns";
import { profileBulk, serverBulk } from "./bulk";
import { bulkWords } from "./bulkwords";
import { Nothing } from "./Nothing";
import { words } from "./words";

export function Servers() {
  const t = useWords(words);
  const said = useStateWord();
  const list = useMemo<ListOf<Server>>(
    () => ({
      path: "/servers",
      jumps: true,
      row: (one) => ({ key: one.id, name: one.name }),
      columns: [
        named<Server>(t.name, "/servers"),
        { key: "power", title: t.power, width: 90, order: "power", text: (one) => one.power, cell: (one) => <State name={one.power} /> },
        { key: "health", title: t.health, width: 110, order: "health", text: (one) => one.health, cell: (one) => <State name={one.health} /> },
        plain("adoption", t.adoption, (one) => said(one.adoption), { order: "adoption" }),
        plain("pool", t.pool, (one) => one.pool, { order: "pool" }),
        plain("chassis", t.chassis, (one) => one.chassis, { order: "chassis" }),
        plain("slot", t.slot, (one) => one.slot, { width: 80, order: "slot" }),
        plain("memory", t.memory, (one) => mib(one.memory_mib), { width: 90, end: true, order: "memory" }),
        plain("cpus", t.cpus, (one) => String(one.cpus), { width: 70, end: true, order: "cpus" }),
        plain("spare", t.spare, (one) => yesNo(t, one.spare), { width: 80, order: "spare" }),
        {
          key: "host", title: t.host, text: (one) => one.host, width: 110,
          cell: (one) => one.host && <Link href={`/hosts/${encodeURIComponent(one.host)}`}>{one.host}</Link>,
        },
        plain("model", t.model, (one) => `${one.vendor} ${one.model}`.trim(), { width: 150, order: "model" }),
        tagged<Server>(t.tags, "/servers"),
        plain("serial", t.serial, (one) => one.serial, { hidden: true, order: "serial" }),
        plain("bears", t.bears, (one) => one.bears, { hidden: true, order: "bears" }),
      ],
      facets: [
        { field: "power", title: t.power },
        { field: "health", title: t.health },
        { field: "adoption", title: t.adoption },
        { field: "spare", title: t.spare },
        { field: "chassis", title: t.chassis },
        { field: "tag", title: t.tags },
      ],
    }),
    [t, said],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => serverBulk(b), [b]);
  return <ListPage title={t.titles.servers} empty={<Nothing of="servers" />} bulk={bulk} list={list} />;
}

export function Profiles() {
  const t = useWords(words);
  const list = useMemo<ListOf<Profile>>(
    () => ({
      path: "/profiles",
      jumps: true,
      row: (one) => ({ key: one.id, name: one.name }),
      columns: [
        named<Profile>(t.name, "/profiles"),
        plain("description", t.description, (one) => one.description, { width: 180, grow: 2, order: "description" }),
        {
          key: "server", title: t.server, width: 120, text: (one) => one.server,
          cell: (one) => one.server && <Link href={`/servers/${encodeURIComponent(one.server_id)}`}>{one.server}</Link>,
        },
        plain("pool", t.pool, (one) => one.pool, { order: "pool" }),
        plain("slot", t.slot, (one) => one.slot, { order: "slot" }),
        plain("addresses", t.addresses, (one) => one.ports.map((port) => port.address).join(" "), { width: 200 }),
        tagged<Profile>(t.tags, "/profiles"),
      ],
      facets: [
        { field: "assigned", title: t.server },
        { field: "pool", title: t.pool },
        { field: "tag", title: t.tags },
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => profileBulk(b), [b]);
  return <ListPage title={t.titles.profiles} empty={<Nothing of="profiles" />} bulk={bulk} list={list} />;
}
