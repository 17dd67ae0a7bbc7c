/** One copy as it is played: map, time line, story and what becomes of each VM. */
import { useEffect, useMemo, useRef } from "react";
import { Link } from "wouter";
import type { Failure, Host, Rehearsal } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, span } from "../../i18n/format";
import { arrows } from "../../pictures/pretty";
import { fineClock } from "../../pictures/time";
import { Icon, type IconName } from "../../ui/Icon";
import { LanesPicture } from "../../ui/LanesPicture";
import { PlainTable } from "../../ui/PlainTable";
import { RackMap } from "../deathmap/RackMap";
import { Controls } from "./Controls";
import { hostsAt, marks, places, spans, startedBy, takesAt } from "./copy";
import { usePlayer } from "./usePlayer";
import { words } from "./words";

const ICONS: Readonly<Record<string, IconName>> = {
  fails: "bolt", saw: "eye", decided: "info", proven: "lock", planned: "route", begins: "play", ends: "check", stopped: "ban", down: "warn",
};
const TONES: Readonly<Record<string, string>> = { fails: "loss", down: "loss", stopped: "loss", proven: "ok", planned: "plan" };

interface Props {
  readonly played: Rehearsal;
  readonly hosts: readonly Host[];
  readonly failures: readonly Failure[];
  readonly point: (host: string) => void;
}

export function Played({ played, hosts, failures, point }: Props) {
  const t = useWords(words);
  const player = usePlayer(Math.max(1, played.seconds));
  const { at } = player;
  const times = useMemo(() => [...new Set(played.moments.map((one) => one.at_s))], [played]);
  const domains = useMemo(() => places(failures), [failures]);
  const entries = useMemo(() => marks(played.moments), [played]);
  const dying = played.hosts.filter((one) => one.dies).map((one) => one.name);
  const back = startedBy(played.moments, at).size;
  return (
    <>
      {!played.guarded && (
        <p className="ap-call ap-call--warn">
          <Icon name="warn" tone="icon--warn" /> {t.unguarded}
        </p>
      )}
      <Controls player={player} seconds={Math.max(1, played.seconds)} times={times} />
      <p className="ap-row ap-row--wrap" role="status">
        <strong>{played.vms.length ? t.back0(back, played.vms.length) : t.nothingRan}</strong>
        {played.vms.length > 0 && (
          <span className={played.lost ? "ap-loss" : "ap-subtle"}>
            {played.lost > 0 && <Icon name="warn" />} {played.lost ? t.stays(played.lost) : t.all}
          </span>
        )}
      </p>
      <div className="ap-rehearsal__body">
        <div className="ap-stack ap-grow">
          <section className="ap-rehearsal__copy" aria-label={t.map}>
            <RackMap
              hosts={hostsAt(played, hosts, at)}
              failures={domains}
              takes={takesAt(played, at)}
              chosen={dying}
              point={point}
              choose={() => undefined}
            />
          </section>
          <section className="ap-card ap-card--padded" aria-labelledby="rehearsal-line">
            <div className="ap-row ap-row--wrap">
              <h2 id="rehearsal-line">{t.timeline}</h2>
              <span className="ap-small ap-least">{t.sinceFailure}</span>
            </div>
            <LanesPicture
              entries={entries}
              steps={spans(played.moments, at)}
              now={played.seconds}
              names={t.lanes}
              stepsName={t.steps}
              cursor={at}
            />
          </section>
          <Fates played={played} at={at} />
        </div>
        <Story played={played} at={at} go={(to) => {
          player.play(false);
          player.set(to);
        }} />
      </div>
    </>
  );
}

function Story({ played, at, go }: { played: Rehearsal; at: number; go: (at: number) => void }) {
  const t = useWords(words);
  const list = useRef<HTMLOListElement>(null);
  const last = played.moments.filter((one) => one.at_s <= at).length - 1;
  useEffect(() => {
    const box = list.current;
    const row = box?.children[last];
    if (box && row instanceof HTMLElement) box.scrollTop = row.offsetTop - box.offsetTop - box.clientHeight / 2;
  }, [last]);
  return (
    <section className="ap-card ap-rehearsal__story" aria-labelledby="rehearsal-story">
      <h2 id="rehearsal-story">{t.story}</h2>
      <ol ref={list} tabIndex={0} aria-labelledby="rehearsal-story">
        {played.moments.map((one, index) => (
          <li
            key={index}
            className={index > last ? "ap-rehearsal__later" : ""}
            {...(index === last && { "aria-current": "step" as const })}
          >
            <button type="button" className="ap-button ap-button--link ap-mono" aria-label={t.jump(fineClock(one.at_s))} tabIndex={-1} onClick={() => go(one.at_s)}>
              {fineClock(one.at_s)}
            </button>
            <Icon name={ICONS[one.what] ?? "info"} tone={TONES[one.what] ?? "subtle"} />
            <span>{arrows(one.text)}</span>
          </li>
        ))}
      </ol>
      <h3>{t.plans}</h3>
      {played.plans.length === 0 && <p className="ap-subtle">{t.noPlans}</p>}
      <ul className="ap-lines">
        {played.plans.map((one) => (
          <li key={one.number}>
            <span className="ap-grow">{one.goal}</span>
            <span className="ap-small ap-plan">
              {t.plan(one.number, one.steps)}, {span(one.cost.duration_ms / 1000)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Fates({ played, at }: { played: Rehearsal; at: number }) {
  const t = useWords(words);
  const started = startedBy(played.moments, at);
  if (!played.vms.length) return null;
  return (
    <section className="ap-card ap-card--padded">
      <h2>{t.vms}</h2>
      <PlainTable label={t.vms} head={[t.vm, t.memory, t.from, t.to, t.started]}>
        {played.vms.map((one) => {
          const begun = started.get(one.id);
          return (
            <tr key={one.id}>
              <th scope="row">
                <Link href={`/vms/${encodeURIComponent(one.id)}`}>{one.name}</Link>
              </th>
              <td>{mib(one.memory_mib)}</td>
              <td>{one.home_name}</td>
              <td className={one.ends_on ? "ap-plan" : "ap-loss"}>{one.ends_on_name || t.down}</td>
              <td>{begun ? span(begun.at) : <span className="ap-least">{one.ends_on ? t.notYet : "–"}</span>}</td>
            </tr>
          );
        })}
      </PlainTable>
    </section>
  );
}
