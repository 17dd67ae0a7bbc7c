/** A VM from an image. */
import { useState } from "react";
import { Link } from "wouter";
import { useRows } from "../../api/queries";
import type { Host, Image, Network } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, mib } from "../../i18n/format";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { createVm } from "./deed";
import { words } from "./deedwords";
import { Field } from "./Field";
import { PlanWizard } from "./PlanWizard";

const EMPTY = { name: "", image: "", count: "1", vcpus: "1", memory: "", disk: "", networks: "", host: "", tags: "" };
const FIRST: ReadonlySet<string> = new Set(["name", "image", "count"]);

export default function NewVm() {
  const t = useWords(words).vm;
  const images = useRows<Image>("/images", { limit: 500 });
  const networks = useRows<Network>("/networks", { limit: 500 });
  const hosts = useRows<Host>("/hosts", { q: "state = up order by name", limit: 500 });
  const [values, setValues] = useState(EMPTY);
  const [start, setStart] = useState(true);
  if (images.error) return <ProblemBox problem={images.error} again={() => void images.refetch()} />;
  if (!images.data || !networks.data || !hosts.data) return <Waiting />;
  const usable = images.data.items.filter((one) => one.newest !== null);
  if (usable.length === 0)
    return (
      <div className="ap-page">
        <h1>{t.title}</h1>
        <p>{t.noImage}</p>
        <p>
          <code>anypool image register NAME --datastore DATASTORE --volume VOLUME</code>
        </p>
      </div>
    );
  const image = values.image || (usable[0]?.name ?? "");
  const several = networks.data.total > 1;
  const network = values.networks || (several ? (networks.data.items[0]?.name ?? "") : "");
  const chosen = usable.find((one) => one.name === image);
  const change = (part: Partial<typeof EMPTY>): void => setValues({ ...values, ...part });
  const asked = createVm({
    name: values.name,
    image,
    count: Number(values.count) || 1,
    vcpus: Number(values.vcpus) || 1,
    memory: values.memory.trim(),
    disk: values.disk.trim(),
    networks: network ? [network] : [],
    host: values.host,
    tags: values.tags.split(",").map((one) => one.trim()).filter(Boolean),
    start,
  });
  return (
    <PlanWizard
      title={t.title}
      lead={t.lead}
      asked={values.name ? asked : null}
      values={{ ...values, image, networks: network }}
      stepOf={(field) => (FIRST.has(field) ? 0 : 1)}
      after={(again) => (
        <>
          <Link href="/vms" className="ap-button">
            {t.toVms}
          </Link>
          <button
            type="button"
            className="ap-button"
            onClick={() => {
              change({ name: "" });
              again();
            }}
          >
            {t.another}
          </button>
        </>
      )}
      asks={(wrong) => [
        {
          title: t.what,
          blocked: !values.name,
          body: (
            <div className="ap-fields">
              <Field label={t.image} name="image" problem={wrong("image")}>
                {(wired) => (
                  <select {...wired} value={image} onChange={(event) => change({ image: event.target.value })}>
                    {usable.map((one) => (
                      <option key={one.id} value={one.name}>
                        {t.imageOf(one.name, bytes(one.size_bytes))}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
              <Field label={t.name} name="name" help={t.nameHelp} problem={wrong("name")}>
                {(wired) => (
                  <input {...wired} value={values.name} required maxLength={60} autoComplete="off" spellCheck={false}
                    onChange={(event) => change({ name: event.target.value })} />
                )}
              </Field>
              <Field label={t.count} name="count" problem={wrong("count")}>
                {(wired) => (
                  <input {...wired} type="number" min={1} max={1000} required value={values.count}
                    onChange={(event) => change({ count: event.target.value })} />
                )}
              </Field>
            </div>
          ),
        },
        {
          title: t.size,
          body: (
            <>
              <div className="ap-fields">
                <Field label={t.vcpus} name="vcpus" problem={wrong("vcpus")}>
                  {(wired) => (
                    <input {...wired} type="number" min={1} max={1024} required value={values.vcpus}
                      onChange={(event) => change({ vcpus: event.target.value })} />
                  )}
                </Field>
                <Field label={t.memory} name="memory" help={t.memoryHelp(mib(chosen?.memory_mib ?? 512))} problem={wrong("memory")}>
                  {(wired) => (
                    <input {...wired} value={values.memory} maxLength={40} autoComplete="off"
                      onChange={(event) => change({ memory: event.target.value })} />
                  )}
                </Field>
                <Field label={t.disk} name="disk" help={t.diskHelp} problem={wrong("disk")}>
                  {(wired) => (
                    <input {...wired} value={values.disk} maxLength={40} autoComplete="off"
                      onChange={(event) => change({ disk: event.target.value })} />
                  )}
                </Field>
                <Field label={t.network} name="networks" problem={wrong("networks")}>
                  {(wired) => (
                    <select {...wired} value={network} onChange={(event) => change({ networks: event.target.value })}>
                      {!several && <option value="">{t.networkAuto}</option>}
                      {networks.data.items.map((one) => (
                        <option key={one.id}>{one.name}</option>
                      ))}
                    </select>
                  )}
                </Field>
                <Field label={t.host} name="host" problem={wrong("host")}>
                  {(wired) => (
                    <select {...wired} value={values.host} onChange={(event) => change({ host: event.target.value })}>
                      <option value="">{t.hostAuto}</option>
                      {hosts.data.items.map((one) => (
                        <option key={one.id}>{one.name}</option>
                      ))}
                    </select>
                  )}
                </Field>
                <Field label={t.tags} name="tags" help={t.tagsHelp} problem={wrong("tags")}>
                  {(wired) => (
                    <input {...wired} value={values.tags} maxLength={400} autoComplete="off"
                      onChange={(event) => change({ tags: event.target.value })} />
                  )}
                </Field>
              </div>
              <label className="ap-check">
                <input type="checkbox" checked={start} onChange={(event) => setStart(event.target.checked)} />
                {t.start}
              </label>
            </>
          ),
        },
      ]}
    />
  );
}
