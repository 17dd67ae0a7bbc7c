import { Link, useLocation, useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Coverage, Host, Profile, Server, Tenures } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, number } from "../../i18n/format";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { Beginning } from "../wizards/Beginning";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Loads, Past, Plans, Rules } from "./parts";
import { hostBox, useVms, vmBox } from "./related";
import { Relations } from "./Relations";
import { words } from "./words";

export default function ProfilePage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const [place] = useLocation();
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/profiles/${encodeURIComponent(id)}`;
  const found = useRead<Profile>(path);
  const profile = found.data;
  const server = useRead<Server>(`/servers/${encodeURIComponent(profile?.server_id ?? "")}`, {}, { enabled: Boolean(profile?.server_id) });
  const bearer = profile?.server_id && server.data?.id === profile.server_id ? server.data : null;
  const hosts = useRows<Host>("/hosts", { q: `name = ${written(bearer?.host ?? "")}`, limit: 1 }, { enabled: Boolean(bearer?.host) });
  const host = bearer?.host ? hosts.data?.items[0] : undefined;
  const vms = useVms(`host.id = ${written(host?.id ?? "")}`, t.allOf, host !== undefined);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!profile) return <Waiting what={t.reading} />;
  const networks = [...new Set(profile.ports.flatMap((one) => one.networks))];
  const deeds: readonly Named[] = [
    {
      label: t.deeds.assign, icon: "key", fits: true,
      deed: { path: "/profiles/{key}/assign", body: {}, asks: [{ field: "to", label: t.deeds.toServer, optional: true }] },
    },
    {
      label: t.deeds.makeHost, icon: "server", fits: profile.hypervisor && profile.server_id === "",
      deed: { path: "/profiles/{key}/make-host", body: {}, asks: [{ field: "server", label: t.deeds.toServer, optional: true }] },
    },
    { label: t.deeds.unassign, icon: "unlink", fits: profile.server_id !== "", deed: { path: "/profiles/{key}/unassign", body: {}, danger: true } },
  ];
  return (
    <Frame
      name={profile.name}
      list={[l.titles.profiles, "/profiles"]}
      state={profile.server_id ? <span className="ap-label">{t.bornBy(profile.server)}</span> : <span className="ap-label ap-label--warn">{t.bornByNobody}</span>}
      tagged={{ path, tags: profile.tags }}
      actions={
        <>
          <Beginning to="move" path={`${place}/move`} />
          <DeedButtons deeds={deeds} target={{ key: profile.id, name: profile.name }} />
        </>
      }
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.description, profile.description],
            [l.server, profile.server_id ? <Link key="s" href={`/servers/${encodeURIComponent(profile.server_id)}`}>{profile.server}</Link> : t.bornByNobody],
            [t.since, bearer ? <State key="p" name={bearer.power} /> : ""],
            [l.pool, profile.pool],
            [l.slot, profile.slot],
            [t.needs, [profile.needs.cpus && t.cpusAtLeast(number(profile.needs.cpus)), profile.needs.memory_mib && mib(profile.needs.memory_mib), profile.needs.arch].filter(Boolean).join(", ")],
            [t.failover, profile.failover],
            [t.image, profile.image],
            [t.ip, profile.ip],
            [t.initiator, profile.initiator],
            [t.boot, profile.boot.join(", ")],
            [t.bios, profile.bios.map(([name, value]) => `${name} = ${value}`).join(", ")],
            [t.means, profile.means],
            [t.epoch, number(profile.epoch)],
            [t.id, <code key="id">{profile.id}</code>],
          ]}
        />
      </Card>
      <Cover profile={profile} />
      <Relations
        title={t.relations}
        columns={[
          networks.map((name) => ({ icon: "network" as const, name })),
          [{ icon: "key", name: profile.name, here: true }],
          bearer ? [{ icon: "server", name: bearer.name, href: `/servers/${encodeURIComponent(bearer.id)}` }] : [],
          host ? [hostBox(host)] : [],
          [...vms.vms.map((one) => vmBox(one)), ...vms.more],
        ]}
      />
      <Identity profile={profile} />
      <History path={path} />
      {host && <Loads path={`/hosts/${encodeURIComponent(host.id)}`} name={host.name} />}
      <Rules kind="profile" id={profile.id} />
      <Plans q={`goal ~ ${written(profile.name)}`} />
      <Past kind="profile" id={profile.id} />
    </Frame>
  );
}

function Cover({ profile }: { profile: Profile }) {
  const t = useWords(words);
  const found = useRead<Coverage>("/coverage");
  const mine = found.data?.items.find((one) => one.profile === profile.name);
  return (
    <Card title={t.ifServerFails}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data && !mine && <p className="ap-subtle">{t.bornByNobody}</p>}
      {mine && (
        <>
          <p className={mine.spare ? "ap-ok ap-strong" : "ap-loss ap-strong"}>
            <Icon name={mine.spare ? "shield" : "warn"} /> {mine.spare ? t.takesOver(mine.spare, mine.profile) : t.nobodyTakesOver(mine.profile)}
          </p>
          {mine.empties > 0 && <p className="ap-subtle">{t.emptied(mine.empties)}</p>}
          <p className="ap-subtle">{profile.failover === "automatic" ? t.byItself : t.byPerson}</p>
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

function Identity({ profile }: { profile: Profile }) {
  const t = useWords(words);
  return (
    <Card title={t.identity}>
      {profile.ports.length === 0 && <p className="ap-subtle">{t.noPorts}</p>}
      {profile.ports.length > 0 && (
        <PlainTable label={t.identity} head={[t.port, t.adapter, t.address, t.networks]}>
          {profile.ports.map((one) => (
            <tr key={one.id}>
              <th scope="row">{one.id}</th>
              <td>{one.kind}</td>
              <td className="ap-mono">{[one.address, one.node].filter(Boolean).join(", ")}</td>
              <td>{one.networks.join(", ")}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}

/** Which servers bore it, and what proved that the one before was off. */
function History({ path }: { path: string }) {
  const t = useWords(words);
  const found = useRead<Tenures>(`${path}/history`);
  return (
    <Card title={t.tenures}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data?.items.length === 0 && <p className="ap-subtle">{t.noTenures}</p>}
      {(found.data?.items.length ?? 0) > 0 && (
        <PlainTable label={t.tenures} head={[t.epoch, t.server, t.from, t.until, t.proof, t.plan]}>
          {(found.data?.items ?? []).map((one) => (
            <tr key={one.epoch}>
              <th scope="row">{number(one.epoch)}</th>
              <td>
                <Link href={`/servers/${encodeURIComponent(one.server_id)}`}>{one.server}</Link>
              </td>
              <td>
                <Moment at={one.began_at} />
              </td>
              <td>{one.ended_at ? <Moment at={one.ended_at} /> : t.lasts}</td>
              <td>{one.proof}</td>
              <td>{one.plan && <Link href={`/plans/${one.plan}`}>{t.plan}</Link>}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Card>
  );
}
