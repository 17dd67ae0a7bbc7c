import { Link, useParams } from "wouter";
import { send } from "../../api/client";
import { useRead } from "../../api/queries";
import type { Image } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, mib, number } from "../../i18n/format";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Rules } from "./parts";
import { useVms, vmBox } from "./related";
import { Relations, type Related } from "./Relations";
import { words } from "./words";

type Version = Image["versions"][number];

export default function ImagePage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/images/${encodeURIComponent(id)}`;
  const found = useRead<Image>(path);
  const image = found.data;
  const made = `image.id = ${written(image?.id ?? id)}`;
  const vms = useVms(made, t.allOf, image !== undefined);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!image) return <Waiting what={t.reading} />;
  const verify: Named = {
    label: t.deeds.verify,
    icon: "eye",
    fits: true,
    deed: { path: "", perform: async (key) => void (await send("POST", `/images/${encodeURIComponent(key)}/verify`, { body: {} })) },
  };
  return (
    <Frame
      name={image.name}
      list={[l.titles.images, "/images"]}
      state={image.newest === null && <span className="ap-label ap-label--warn">{t.noVersion}</span>}
      actions={
        <>
          <DeedButtons role="administrator" deeds={[verify]} target={{ key: image.id, name: image.name }} />
          <Link href="/vms/new" className="ap-button">
            <Icon name="plus" /> {t.newVm}
          </Link>
        </>
      }
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.description, image.description],
            [t.newest, image.newest === null ? t.noVersion : String(image.newest)],
            [l.size, bytes(image.size_bytes)],
            [t.memoryOfVms, mib(image.memory_mib)],
            [l.format, image.format],
            [t.vms, <Link key="v" href={`/vms?q=${encodeURIComponent(made)}`}>{number(image.vms)}</Link>],
            [l.digest, image.digest ? <code key="d">{image.digest}</code> : t.unread],
            [t.id, <code key="id">{image.id}</code>],
          ]}
        />
      </Card>
      <Rules kind="image" id={image.id} />
      <Relations
        title={t.relations}
        columns={[stores(image), [{ icon: "image", name: image.name, here: true }], [...vms.vms.map((one) => vmBox(one)), ...vms.more]]}
      />
      <Versions versions={image.versions} />
      <Past kind="image" id={image.id} />
    </Frame>
  );
}

function stores(image: Image): Related[] {
  const seen = new Map(image.versions.flatMap((one) => one.copies).map((one) => [one.datastore, one.datastore_name]));
  return [...seen].map(([id, name]) => ({ icon: "storage", key: id, name, href: `/datastores/${encodeURIComponent(id)}` }));
}

function Versions({ versions }: { versions: readonly Version[] }) {
  const t = useWords(words);
  const l = useWords(listWords);
  return (
    <Card title={l.versions} wide>
      {versions.length === 0 && <p className="ap-subtle">{t.noVersion}</p>}
      {versions.length > 0 && (
        <PlainTable label={l.versions} head={[t.number, l.created, l.size, t.vms, t.copies, t.notes]}>
          {versions.map((one) => (
            <tr key={one.number}>
              <th scope="row">{one.name}</th>
              <td>
                <Moment at={one.created_at} />
              </td>
              <td>{bytes(one.size_bytes)}</td>
              <td>{number(one.vms)}</td>
              <td>
                {one.copies.map((copy) => (
                  <div key={`${copy.datastore} ${copy.volume}`} className={copy.state === "same" || copy.state === "unread" ? "" : "ap-loss"}>
                    {copy.state !== "same" && copy.state !== "unread" && <Icon name="warn" />} {copy.datastore_name}: {copy.volume},{" "}
                    {t.copyStates[copy.state as keyof typeof t.copyStates] ?? copy.state}
                    {copy.reading && ` (${copy.reading.message || copy.reading.state})`}
                  </div>
                ))}
              </td>
              <td>
                {one.deprecated && <span className="ap-label ap-label--warn">{t.deprecated}</span>} {one.notes || one.source}
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}
