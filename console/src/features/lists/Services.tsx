import { useMemo } from "react";
import type { Service } from "../../api/types";
import { useWords } from "../../i18n";
import type { ListOf } from "../../table/column";
import { ListPage } from "../../table/ListPage";
import { State } from "../../ui/State";
import { named, plain } from "./columns";
import { Nothing } from "./Nothing";
import { words } from "./words";

export default function Services() {
  const t = useWords(words);
  const list = useMemo<ListOf<Service>>(
    () => ({
      path: "/services",
      jumps: false,
      row: (one) => ({ key: one.id, name: one.id }),
      columns: [
        named<Service>(t.name, "/services"),
        { key: "state", title: t.state, width: 140, order: "state", text: (one) => one.state, cell: (one) => <State name={one.state} /> },
        plain("components", t.components, (one) => one.components.map((part) => part.name).join(", "), { width: 200, grow: 2 }),
        plain("vms", t.vms, (one) => String(one.members.length), { width: 70, end: true }),
        plain("description", t.description, (one) => one.description, { width: 200, grow: 3 }),
      ],
    }),
    [t],
  );
  return <ListPage title={t.titles.services} empty={<Nothing of="services" />} list={list} />;
}
