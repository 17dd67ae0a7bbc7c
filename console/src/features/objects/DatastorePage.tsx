import { Link, useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Datastore, Volume } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, percent } from "../../i18n/format";
import { written } from "../../search/query";
import { Bar } from "../../ui/Bar";
import { Icon } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Rules } from "./parts";
import { hostBox, useHosts, useVms, vmBox } from "./related";
import { Relations } from "./Relations";
import { words } from "./words";

const VOLUMES = 50;

export default function DatastorePage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/datastores/${encodeURIComponent(id)}`;
  const found = useRead<Datastore>(path);
  const store = found.data;
  const known = store !== undefined;
  const onIt = `datastore.id = ${written(store?.id ?? id)}`;
  const vms = useVms(onIt, t.allOf, known);
  const hosts = useHosts(onIt, t.allOf, known);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!store) return <Waiting what={t.reading} />;
  const used = store.capacity_bytes - store.free_bytes;
  const share = (100 * used) / Math.max(1, store.capacity_bytes);
  return (
    <Frame
      name={store.name}
      list={[l.titles.datastores, "/datastores"]}
      tagged={{ path, tags: store.tags }}
      actions={
        <Link className="ap-button" href={`/deathmap?pool=${encodeURIComponent(hosts.hosts[0]?.pool ?? "")}&datastore=${encodeURIComponent(store.name)}`}>
          <Icon name="skull" /> {t.ifLost}
        </Link>
      }
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.kind, store.kind],
            [t.usedSpace, <span key="u"><Bar percent={share} label={store.name} /> {l.of(bytes(used), bytes(store.capacity_bytes))}, {percent(share)}</span>],
            [t.freeSpace, bytes(store.free_bytes)],
            [l.shared, store.shared ? l.yes : l.no],
            [l.locking, store.locking],
            [l.path, store.path],
            [l.hosts, number(store.hosts.length)],
            [t.vms, <Link key="v" href={`/vms?q=${encodeURIComponent(onIt)}`}>{number(vms.total)}</Link>],
            [l.place, store.place],
            [l.labels, store.labels.join(", ")],
            [t.id, <code key="id">{store.id}</code>],
          ]}
        />
        {!store.shared && <p className="ap-subtle">{t.localStore}</p>}
      </Card>
      <Rules kind="datastore" id={store.id} />
      <Relations
        title={t.relations}
        columns={[
          [...hosts.hosts.map((one) => hostBox(one)), ...hosts.more],
          [{ icon: "storage", name: store.name, here: true }],
          [...vms.vms.map((one) => vmBox(one)), ...vms.more],
        ]}
      />
      <Volumes store={store} />
      <Past kind="datastore" id={store.id} />
    </Frame>
  );
}

function Volumes({ store }: { store: Datastore }) {
  const t = useWords(words);
  const l = useWords(listWords);
  const found = useRows<Volume>("/volumes", { q: store.name, limit: 1000 });
  const mine = (found.data?.items ?? []).filter((one) => one.datastore === store.id);
  return (
    <Card title={t.volumes} wide>
      {!found.data && <Waiting />}
      {found.data && mine.length === 0 && <p className="ap-subtle">{t.noVolumes}</p>}
      {mine.length > 0 && (
        <PlainTable label={t.volumes} head={[l.name, l.size, t.usedSpace, t.vms, l.titles.images]}>
          {mine.slice(0, VOLUMES).map((one) => (
            <tr key={one.name}>
              <th scope="row">{one.name}</th>
              <td>{bytes(one.size_bytes)}</td>
              <td>{bytes(one.used_bytes)}</td>
              <td>
                {one.vms.map((vm, index) => (
                  <Link key={vm} href={`/vms/${encodeURIComponent(vm)}`}>
                    {one.vm_names[index] ?? vm}{" "}
                  </Link>
                ))}
              </td>
              <td>
                {one.images.map((image, index) => (
                  <Link key={image} href={`/images/${encodeURIComponent(image)}`}>
                    {one.image_names[index] ?? image}{" "}
                  </Link>
                ))}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      {mine.length > VOLUMES && <p className="ap-small ap-subtle">{t.onlySome(VOLUMES, mine.length)}</p>}
    </Card>
  );
}
