import { useState } from "react";
import { useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Coverage, Host, Profile, Sensors, Server } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, number } from "../../i18n/format";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { State, useStateWord } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { OfServer as CalendarOf } from "../calendars/OfServer";
import { OfServer as TellsOf } from "../hearing/OfServer";
import { serverBulk } from "../lists/bulk";
import { bulkWords } from "../lists/bulkwords";
import { words as listWords } from "../lists/words";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Loads, Past, Rules } from "./parts";
import { hostBox, useVms, vmBox } from "./related";
import { Relations, type Related } from "./Relations";
import { words } from "./words";

/** Which deeds of the list make sense for one server as it is now. */
const FITS: Readonly<Record<string, (one: Server) => boolean>> = {
  on: (one) => one.power !== "on",
  off: (one) => one.power !== "off",
  adopt: (one) => one.adoption !== "adopted",
  spare: (one) => !one.spare,
  "no-spare": (one) => one.spare,
};

export default function ServerPage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const b = useWords(bulkWords);
  const said = useStateWord();
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/servers/${encodeURIComponent(id)}`;
  const found = useRead<Server>(path);
  const server = found.data;
  const profiles = useRows<Profile>("/profiles", { q: `server.id = ${written(server?.id ?? id)}`, limit: 5 }, { enabled: server !== undefined });
  const hosts = useRows<Host>("/hosts", { q: `name = ${written(server?.host ?? "")}`, limit: 1 }, { enabled: Boolean(server?.host) });
  const host = server?.host ? hosts.data?.items[0] : undefined;
  const vms = useVms(`host.id = ${written(host?.id ?? "")}`, t.allOf, host !== undefined);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!server) return <Waiting what={t.reading} />;
  const profile = profiles.data?.items[0];
  const failOver: Named = {
    label: t.deeds.failOver,
    icon: "key",
    fits: Boolean(profile),
    deed: {
      path: "/servers/{key}/fail-over",
      body: {},
      danger: true,
      asks: [{ field: "to", label: t.deeds.toServer, optional: true }, { field: "dead", label: t.deeds.whyDead, optional: true }],
    },
  };
  const retire: Named = {
    label: t.deeds.retireHost,
    icon: "unlink",
    fits: Boolean(profile?.hypervisor && host),
    deed: { path: "/servers/{key}/retire-host", danger: true },
  };
  const others = serverBulk(b).map(({ key, label, icon, deed }) => ({ label, icon, deed, fits: FITS[key]?.(server) ?? false }));
  const bears: Related[] = profile
    ? [{ icon: "key", name: profile.name, href: `/profiles/${encodeURIComponent(profile.id)}` }]
    : [];
  return (
    <Frame
      name={server.name}
      list={[l.titles.servers, "/servers"]}
      state={
        <>
          <State name={server.power} />
          {server.health !== "ok" && <State name={server.health} />}
          {server.spare && <span className="ap-label">{l.spare}</span>}
        </>
      }
      tagged={{ path, tags: server.tags }}
      actions={<DeedButtons deeds={[failOver, ...others, retire]} target={{ key: server.id, name: server.name }} />}
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.power, said(server.power)],
            [l.health, said(server.health)],
            [l.adoption, said(server.adoption)],
            [l.place, [server.chassis, server.slot].filter(Boolean).join("/")],
            [l.pool, server.pool],
            [l.model, [server.vendor, server.model].filter(Boolean).join(" ")],
            [l.serial, server.serial],
            [l.cpus, `${number(server.cpus)} ${server.cpu_model}`],
            [l.memory, mib(server.memory_mib)],
            [t.firmware, server.firmware],
            [t.endpoint, server.endpoint],
            [t.id, <code key="id">{server.id}</code>],
          ]}
        />
      </Card>
      <Cover server={server} />
      <Relations
        title={t.relations}
        columns={[
          bears,
          [{ icon: "server", name: server.name, here: true }],
          host ? [hostBox(host)] : [],
          [...vms.vms.map((one) => vmBox(one)), ...vms.more],
        ]}
      />
      <Ports server={server} />
      {host ? (
        <Loads path={`/hosts/${encodeURIComponent(host.id)}`} name={host.name} />
      ) : (
        <Card title={t.history} wide>
          <p className="ap-subtle">{t.noHostNoLoad}</p>
        </Card>
      )}
      <Rules kind="server" id={server.id} />
      <CalendarOf server={server} />
      <TellsOf server={server} />
      <Measured path={path} power={server.power} />
      <Past kind="server" id={server.id} />
    </Frame>
  );
}

/** Which spare would take over what it bears. */
function Cover({ server }: { server: Server }) {
  const t = useWords(words);
  const found = useRead<Coverage>("/coverage");
  const mine = found.data?.items.find((one) => one.server === server.name);
  return (
    <Card title={t.ifItFails}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data && !mine && <p className="ap-subtle">{server.spare ? t.isSpare : t.bearsNothing}</p>}
      {mine && (
        <>
          <p className={mine.spare ? "ap-ok ap-strong" : "ap-loss ap-strong"}>
            <Icon name={mine.spare ? "shield" : "warn"} />{" "}
            {mine.spare ? t.takesOver(mine.spare, mine.profile) : t.nobodyTakesOver(mine.profile)}
          </p>
          {mine.empties > 0 && <p className="ap-subtle">{t.emptied(mine.empties)}</p>}
          {mine.told && <p className="ap-subtle">{mine.told}</p>}
          <ul className="ap-lines">
            {mine.refused.map(([name, why]) => (
              <li key={name}>
                <Icon name="ban" tone="subtle" /> <span className="ap-strong">{name}</span> <span className="ap-subtle">{why}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Ports({ server }: { server: Server }) {
  const t = useWords(words);
  const ports = server.adapters.flatMap((one) => one.ports.map((port) => ({ adapter: one, port })));
  return (
    <Card title={t.ports} wide>
      {ports.length === 0 && <p className="ap-subtle">{t.noPorts}</p>}
      {ports.length > 0 && (
        <PlainTable label={t.ports} head={[t.port, t.adapter, t.address, t.permanent, t.link, t.switchPort, t.networks]}>
          {ports.map(({ adapter, port }) => (
            <tr key={`${adapter.id} ${port.id}`}>
              <th scope="row">{port.id}</th>
              <td>{[adapter.kind, adapter.model].filter(Boolean).join(", ")}</td>
              <td className="ap-mono">{port.address}</td>
              <td className="ap-mono">{port.permanent === port.address ? "" : port.permanent}</td>
              <td>{port.link}</td>
              <td>{[port.switch, port.switch_port].filter(Boolean).join(" ")}</td>
              <td>{port.networks.join(", ")}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}

/** Sensors are asked of the BMC when somebody wants to see them. */
function Measured({ path, power }: { path: string; power: string }) {
  const t = useWords(words);
  const [asked, setAsked] = useState(false);
  const found = useRead<Sensors>(`${path}/sensors`, {}, { enabled: asked });
  return (
    <Card title={t.sensors}>
      {!asked && (
        <p>
          <button type="button" className="ap-button" disabled={power === "unknown"} onClick={() => setAsked(true)}>
            <Icon name="thermo" /> {t.askBmc}
          </button>
        </p>
      )}
      {asked && found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {asked && !found.data && !found.error && <Waiting />}
      {found.data?.items.length === 0 && <p className="ap-subtle">{t.noSensors}</p>}
      <ul className="ap-lines">
        {(found.data?.items ?? []).map((one) => (
          <li key={one.name}>
            <span className="ap-grow ap-cut">{one.name}</span>
            <span>{typeof one.reading === "number" ? `${number(one.reading, 1)} ${one.unit ?? ""}` : "–"}</span>
            {one.health && one.health !== "ok" && one.health !== "unknown" && <State name={one.health} />}
          </li>
        ))}
      </ul>
    </Card>
  );
}
