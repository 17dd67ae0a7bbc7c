import { Link, useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Service, Vm } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { written } from "../../search/query";
import { PlainTable } from "../../ui/PlainTable";
import { State, useStateWord } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Plans, Rules } from "./parts";
import { hostBox, vmBox } from "./related";
import { Relations, type Related } from "./Relations";
import { words } from "./words";

const MOST = 200;
const DRAWN = 12;

export default function ServicePage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const said = useStateWord();
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const found = useRead<Service>(`/services/${encodeURIComponent(id)}`);
  const service = found.data;
  const ids = (service?.members ?? []).flatMap((one) => (one.vm ? [one.vm] : [])).slice(0, DRAWN);
  const vms = useRows<Vm>("/vms", { q: `id in (${ids.map(written).join(", ")})`, limit: MOST }, { enabled: ids.length > 0 });
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!service) return <Waiting what={t.reading} />;
  const movable = service.components.filter((one) => one.profile).map((one) => one.name);
  const deeds: readonly Named[] = [
    { label: t.deeds.startInOrder, icon: "play", fits: service.state !== "up", deed: { path: "/services/{key}/start" } },
    { label: t.deeds.stopInOrder, icon: "power", fits: service.state !== "down", deed: { path: "/services/{key}/stop", danger: true } },
    {
      label: t.deeds.moveComponent, icon: "lr", fits: movable.length > 0,
      deed: {
        path: "/services/{key}/move",
        asks: [{ field: "component", label: t.deeds.component, choices: movable.map((one) => [one, one] as const) }, { field: "to", label: t.deeds.toPlace }],
      },
    },
  ];
  return (
    <Frame
      name={service.id}
      list={[t.services, "/services"]}
      state={<State name={service.state} />}
      actions={<DeedButtons deeds={deeds} target={{ key: service.id, name: service.id }} />}
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.state, <State key="s" name={service.state} />],
            [l.description, service.description],
            [t.components, number(service.components.length)],
            [t.vms, number(service.members.length)],
          ]}
        />
      </Card>
      <Rules kind="service" id={service.id} />
      <Relations title={t.relations} columns={columns(service, ids.length > 0 ? (vms.data?.items ?? []) : [])} />
      <Card title={t.members} wide>
        {service.members.length === 0 && <p className="ap-subtle">{t.noMembers}</p>}
        {service.members.length > 0 && (
          <PlainTable label={t.members} head={[t.component, t.startsAfter, t.machine, l.place, l.state, t.healthOf]}>
            {service.members.map((one) => (
              <tr key={`${one.component} ${one.name}`}>
                <th scope="row">{one.component}</th>
                <td>{(service.components.find((part) => part.name === one.component)?.after ?? []).join(", ") || t.nothingBefore}</td>
                <td>
                  <Machine of={one} />
                </td>
                <td>{one.place || t.nowhere}</td>
                <td>
                  <State name={one.state} />
                </td>
                <td className={one.health === "unhealthy" ? "ap-loss" : ""}>{t.healths[one.health as keyof typeof t.healths] ?? said(one.health)}</td>
              </tr>
            ))}
          </PlainTable>
        )}
      </Card>
      <Plans q={`goal ~ ${written(service.id)}`} />
      <Past kind="service" id={service.id} />
    </Frame>
  );
}

type Member = Service["members"][number];

function Machine({ of }: { of: Member }) {
  if (of.vm) return <Link href={`/vms/${encodeURIComponent(of.vm)}`}>{of.name}</Link>;
  return of.server ? <Link href={`/servers/${encodeURIComponent(of.server)}`}>{of.name}</Link> : <>{of.name}</>;
}

function columns(service: Service, vms: readonly Vm[]): Related[][] {
  const byId = new Map(vms.map((one) => [one.id, one]));
  const hosts = new Map(vms.flatMap((one) => (one.host ? [[one.host, one.host_name ?? one.host] as const] : [])));
  return [
    [{ icon: "cubes", name: service.id, here: true }],
    service.components.map((one) => ({
      icon: "stack",
      key: `component ${one.name}`,
      name: one.name,
      joins: service.members.flatMap((member) => (member.component === one.name ? [member.vm ?? member.server ?? ""] : [])),
    })),
    [
      ...[...byId.values()].map((one) => vmBox(one, one.host ? [one.host] : [])),
      ...service.members.flatMap((one): Related[] =>
        one.server ? [{ icon: "server", key: one.server, name: one.place || one.name, href: `/servers/${encodeURIComponent(one.server)}`, joins: [] }] : [],
      ),
    ],
    [...hosts].map(([id, name]) => hostBox({ id, name })),
  ];
}
