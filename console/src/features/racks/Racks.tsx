/** Physical servers in their bays; a profile that is brought to another bay is a plan, seen first. */
import { useMemo, useRef, useState, type KeyboardEvent } from "react";
import { Link } from "wouter";
import { useRows } from "../../api/queries";
import { useMay } from "../../api/session";
import type { Profile, Server } from "../../api/types";
import { useWords } from "../../i18n";
import { mib } from "../../i18n/format";
import { fit, type Fit } from "../../pictures/bays";
import "../../pictures/pictures.css";
import { natural, step } from "../../pictures/racks";
import { Deeds } from "../../ui/Deeds";
import { Icon } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import "./racks.css";
import { words } from "./words";

const MOST = 1000;

interface Wish {
  readonly profile: Profile;
  readonly server: Server;
}

export default function Racks() {
  const t = useWords(words);
  const servers = useRows<Server>("/servers", { limit: MOST });
  const profiles = useRows<Profile>("/profiles", { limit: MOST });
  const may = useMay("operator");
  const [lifted, setLifted] = useState("");
  const [shown, setShown] = useState("");
  const [wish, setWish] = useState<Wish | null>(null);
  const chassis = useMemo(() => inChassis(servers.data?.items ?? []), [servers.data]);
  const error = servers.error ?? profiles.error;
  if (!error && (!servers.data || !profiles.data)) return <Waiting />;
  const known = profiles.data?.items ?? [];
  const moving = known.find((one) => one.id === lifted) ?? null;
  const identity = moving ?? known.find((one) => one.id === shown) ?? null;
  const waiting = known.filter((one) => !one.server_id);
  function drop(server: Server): void {
    if (!moving || fit(moving, server) !== "fits") return;
    setWish({ profile: moving, server });
    setLifted("");
  }
  return (
    <div className="ap-page ap-racksview">
      <h1>{t.title}</h1>
      {error && <ProblemBox problem={error} again={() => void servers.refetch()} />}
      {servers.data?.total === 0 && <p className="ap-card ap-empty">{t.none}</p>}
      {known.length > 0 && may && <p className="ap-small ap-subtle">{t.keys}</p>}
      <div role="status">
        {moving && (
          <p className="ap-call ap-call--plan">
            <Icon name="grip" tone="plan" /> <span className="ap-grow">{t.lifted(moving.name)}</span>
            <button type="button" className="ap-button ap-button--link" onClick={() => setLifted("")}>
              {t.putBack}
            </button>
          </p>
        )}
      </div>
      {waiting.length > 0 && (
        <section className="ap-card ap-card--padded ap-row ap-row--wrap" aria-label={t.waitingProfiles}>
          <h2>{t.waitingProfiles}</h2>
          {waiting.map((one) => (
            <Cartridge key={one.id} profile={one} may={may} lifted={lifted === one.id} lift={setLifted} />
          ))}
        </section>
      )}
      {[...chassis].map(([name, bays]) => (
        <ChassisCard
          key={name}
          name={name}
          bays={bays}
          profiles={known}
          moving={moving}
          lift={may ? setLifted : null}
          show={setShown}
          drop={drop}
        />
      ))}
      {identity && <Identity profile={identity} />}
      {servers.data && servers.data.total > 0 && (
        <details className="ap-card ap-card--padded">
          <summary>{t.asTable}</summary>
          <AsTable servers={servers.data.items} profiles={known} />
        </details>
      )}
      {wish && (
        <Deeds
          title={t.assign(wish.profile.name, wish.server.name)}
          deed={{ path: "/profiles/{key}/assign", body: { to: wish.server.id } }}
          targets={[{ key: wish.profile.id, name: wish.profile.name }]}
          onClose={() => setWish(null)}
        />
      )}
    </div>
  );
}

function inChassis(servers: readonly Server[]): Map<string, Server[]> {
  const found = new Map<string, Server[]>();
  const sorted = [...servers].sort((a, b) => natural(a.chassis, b.chassis) || natural(a.slot, b.slot) || natural(a.name, b.name));
  for (const one of sorted) found.set(one.chassis, [...(found.get(one.chassis) ?? []), one]);
  return found;
}

interface ChassisProps {
  readonly name: string;
  readonly bays: readonly Server[];
  readonly profiles: readonly Profile[];
  readonly moving: Profile | null;
  /** Null for those who may only look. */
  readonly lift: ((profile: string) => void) | null;
  readonly show: (profile: string) => void;
  readonly drop: (server: Server) => void;
}

function ChassisCard({ name, bays, profiles, moving, lift, show, drop }: ChassisProps) {
  const t = useWords(words);
  const grid = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState("");
  const title = name ? t.chassis(name) : t.noChassis;
  const ids = [bays.map((one) => one.id)];
  const current = bays.find((one) => one.id === at) ?? bays[0];
  const mine = profiles.filter((one) => bays.some((bay) => bay.id === one.server_id));
  const spares = bays.filter((one) => one.spare && !one.bears);
  const covered = mine.filter((one) => spares.some((bay) => fit(one, bay) === "fits")).length;
  const unwell = bays.filter((one) => one.health === "warning" || one.health === "critical").length;
  function keys(event: KeyboardEvent): void {
    if (!current) return;
    const there = profiles.find((one) => one.server_id === current.id);
    if (event.key === "Escape") return lift?.("");
    if (event.key === "Enter" || event.key === " " || event.key.toLowerCase() === "m") {
      event.preventDefault();
      if (moving) drop(current);
      else if (there) {
        show(there.id);
        lift?.(there.id);
      }
      return;
    }
    const next = step(ids, current.id, event.key);
    if (next === current.id) return;
    event.preventDefault();
    setAt(next);
    grid.current?.querySelector<HTMLElement>(`[data-server="${CSS.escape(next)}"]`)?.focus();
  }
  return (
    <section className="ap-stack" aria-label={title}>
      <div className="ap-row ap-row--wrap">
        <h2>{title}</h2>
        <span className="ap-label">{t.profiles(mine.length)}</span>
        <span className="ap-label">{t.spares(spares.length)}</span>
        {mine.length > 0 && (
          <span className={`ap-label${covered < mine.length ? " ap-label--warn" : ""}`}>
            <Icon name={covered < mine.length ? "warn" : "shield"} /> {t.covered(covered, mine.length)}
          </span>
        )}
        {unwell > 0 && (
          <span className="ap-label ap-label--warn">
            <Icon name="warn" /> {t.unhealthy(unwell)}
          </span>
        )}
      </div>
      <div role="grid" aria-label={title} className="ap-bays" ref={grid} onKeyDown={keys}>
        <div role="row" className="ap-bays__row">
          {bays.map((one) => (
            <Bay
              key={one.id}
              server={one}
              profile={profiles.find((profile) => profile.server_id === one.id) ?? null}
              moving={moving}
              reachable={one.id === current?.id}
              lift={lift}
              choose={(profile) => {
                setAt(one.id);
                if (moving) drop(one);
                else if (profile) show(profile.id);
              }}
              drop={() => drop(one)}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

interface BayProps {
  readonly server: Server;
  readonly profile: Profile | null;
  readonly moving: Profile | null;
  readonly reachable: boolean;
  readonly lift: ((profile: string) => void) | null;
  readonly choose: (profile: Profile | null) => void;
  readonly drop: () => void;
}

function Bay({ server, profile, moving, reachable, lift, choose, drop }: BayProps) {
  const t = useWords(words);
  const state: Fit | null = moving ? fit(moving, server) : null;
  const unwell = server.health === "warning" || server.health === "critical";
  const inside = profile?.name ?? (server.host ? t.host(server.host) : server.spare ? t.spare : t.free);
  const health = t.healths[server.health as keyof typeof t.healths] ?? server.health;
  const power = t.powers[server.power as keyof typeof t.powers] ?? server.power;
  const name = [t.bay(server.slot || "–"), server.name, inside, power, health, state && t.fits[state]].filter(Boolean).join(", ");
  const ports = (kind: string): number =>
    server.adapters.filter((one) => one.kind === kind).reduce((sum, one) => sum + one.ports.length, 0);
  return (
    <div
      role="gridcell"
      tabIndex={reachable ? 0 : -1}
      data-server={server.id}
      className={`ap-bay${server.spare && !profile ? " ap-bay--spare" : ""}${unwell ? " ap-bay--unwell" : ""}${state ? ` ap-bay--${state === "fits" ? "fits" : "not"}` : ""}`}
      onClick={() => choose(profile)}
      onDragOver={(event) => state === "fits" && event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        drop();
      }}
    >
      <span className="ap-only-read">{name}</span>
      <div aria-hidden="true" className="ap-bay__inside">
      <div className="ap-row ap-small">
        <span className="ap-grow ap-cut">{t.bay(server.slot || "–")}</span>
        <Icon name={unwell ? "warn" : "check"} tone={unwell ? "warn" : "subtle"} />
      </div>
      {profile ? (
        <div
          className={`ap-cartridge${moving?.id === profile.id ? " ap-cartridge--lifted" : ""}`}
          draggable={lift !== null}
          onDragStart={(event) => {
            event.dataTransfer.setData("text/plain", profile.id);
            event.dataTransfer.effectAllowed = "move";
            lift?.(profile.id);
          }}
          onDragEnd={() => lift?.("")}
        >
          <strong className="ap-cut">{profile.name}</strong>
          {profile.ports.slice(0, 4).map((port) => (
            <span key={port.id} className="ap-mono ap-cut">
              …{port.address.slice(-5)}
            </span>
          ))}
        </div>
      ) : (
        <div className="ap-bay__empty">
          {state && state !== "fits" ? <Icon name="ban" /> : null} {inside}
        </div>
      )}
      {state && <p className={`ap-small ${state === "fits" ? "ap-plan ap-strong" : "ap-subtle"}`}>{t.fits[state]}</p>}
      <p className="ap-small ap-subtle ap-cut">{server.name}</p>
      <p className="ap-small ap-subtle">
        {t.cores(server.cpus)}, {mib(server.memory_mib)}
      </p>
      <p className="ap-small ap-subtle">{t.ports(ports("ethernet"), ports("fc"))}</p>
      <p className="ap-small">
        <Icon name="power" tone={server.power === "on" ? "ok" : "subtle"} /> {power}
        {unwell && <span className="ap-warn"> · {health}</span>}
      </p>
      </div>
    </div>
  );
}

function Cartridge({ profile, may, lifted, lift }: {
  profile: Profile;
  may: boolean;
  lifted: boolean;
  lift: (profile: string) => void;
}) {
  const t = useWords(words);
  return (
    <button
      type="button"
      className={`ap-button${lifted ? " ap-cartridge--lifted" : ""}`}
      disabled={!may}
      draggable={may}
      aria-pressed={lifted}
      onDragStart={(event) => {
        event.dataTransfer.setData("text/plain", profile.id);
        lift(profile.id);
      }}
      onDragEnd={() => lift("")}
      onClick={() => lift(lifted ? "" : profile.id)}
    >
      <Icon name="grip" /> {t.lift(profile.name)}
    </button>
  );
}

function Identity({ profile }: { profile: Profile }) {
  const t = useWords(words);
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="identity">
      <div className="ap-row ap-row--wrap">
        <h2 id="identity">
          <Link href={`/profiles/${profile.id}`}>{t.identity(profile.name)}</Link>
        </h2>
        <span className="ap-small ap-least">{t.identityNote(profile.epoch)}</span>
      </div>
      <PlainTable label={`${t.identity(profile.name)}: ${t.asTable}`} head={[t.port, t.address, t.networks, t.now]}>
        {profile.ports.map((one) => (
          <tr key={one.id}>
            <th scope="row">{one.id}</th>
            <td className="ap-mono">{one.address}</td>
            <td>{one.networks.join(", ")}</td>
            <td>{profile.server || t.nowhere}</td>
          </tr>
        ))}
        {profile.boot.length > 0 && (
          <tr>
            <th scope="row">{t.boot}</th>
            <td className="ap-mono">{profile.boot.join(", ")}</td>
            <td />
            <td>{profile.server || t.nowhere}</td>
          </tr>
        )}
      </PlainTable>
    </section>
  );
}

function AsTable({ servers, profiles }: { servers: readonly Server[]; profiles: readonly Profile[] }) {
  const t = useWords(words);
  return (
    <PlainTable label={t.asTable} head={[t.server, t.place, t.power, t.health, t.profile]}>
      {servers.map((one) => (
        <tr key={one.id}>
          <th scope="row">
            <Link href={`/servers/${one.id}`}>{one.name}</Link>
          </th>
          <td>{[one.chassis, one.slot].filter(Boolean).join("/")}</td>
          <td>{t.powers[one.power as keyof typeof t.powers] ?? one.power}</td>
          <td>{t.healths[one.health as keyof typeof t.healths] ?? one.health}</td>
          <td>{profiles.find((profile) => profile.server_id === one.id)?.name ?? (one.spare ? t.spare : "")}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
