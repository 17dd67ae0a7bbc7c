import { Link, useParams } from "wouter";
import { useRead } from "../../api/queries";
import type { Network } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { written } from "../../search/query";
import { PlainTable } from "../../ui/PlainTable";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Rules } from "./parts";
import { hostBox, useHosts, useVms, vmBox } from "./related";
import { Relations } from "./Relations";
import { words } from "./words";

export default function NetworkPage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const found = useRead<Network>(`/networks/${encodeURIComponent(id)}`);
  const net = found.data;
  const known = net !== undefined;
  const onIt = `network.id = ${written(net?.id ?? id)}`;
  const vms = useVms(onIt, t.allOf, known);
  const hosts = useHosts(onIt, t.allOf, known);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!net) return <Waiting what={t.reading} />;
  return (
    <Frame name={net.name} list={[l.titles.networks, "/networks"]}>
      <Card title={t.facts}>
        <Facts
          of={[
            [l.kind, net.kind],
            [l.bridge, net.bridge],
            [l.vlan, net.vlan ? String(net.vlan) : ""],
            [l.hosts, number(net.hosts.length)],
            [t.vms, <Link key="v" href={`/vms?q=${encodeURIComponent(onIt)}`}>{number(vms.total)}</Link>],
            [l.place, net.place],
            [l.tags, net.tags.join(", ")],
            [l.labels, net.labels.join(", ")],
            [t.id, <code key="id">{net.id}</code>],
          ]}
        />
      </Card>
      <Rules kind="network" id={net.id} />
      <Relations
        title={t.relations}
        columns={[
          [...hosts.hosts.map((one) => hostBox(one)), ...hosts.more],
          [{ icon: "network", name: net.name, here: true }],
          [...vms.vms.map((one) => vmBox(one)), ...vms.more],
        ]}
      />
      <Card title={t.attached} wide>
        {vms.total === 0 ? (
          <p className="ap-subtle">{t.nothingAttached}</p>
        ) : (
          <PlainTable label={t.attached} head={[l.titles.vms, l.state, l.host, "MAC"]}>
            {vms.vms.map((one) => (
              <tr key={one.id}>
                <th scope="row">
                  <Link href={`/vms/${encodeURIComponent(one.id)}`}>{one.name}</Link>
                </th>
                <td>
                  <State name={one.state} />
                </td>
                <td>{one.host_name ?? t.nowhere}</td>
                <td className="ap-mono">
                  {one.nics.filter((nic) => nic.network === net.id).map((nic) => nic.mac).join(", ")}
                </td>
              </tr>
            ))}
          </PlainTable>
        )}
        {vms.more.length > 0 && <Link href={`/vms?q=${encodeURIComponent(onIt)}`}>{t.allOf(number(vms.total))}</Link>}
      </Card>
      <Past kind="network" id={net.id} />
    </Frame>
  );
}
