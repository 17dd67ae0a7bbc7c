/** A failure played on a copy of the pool: nothing here is real, and the page never lets one forget. */
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useParams, useSearch } from "wouter";
import { get } from "../../api/client";
import type { Problem } from "../../api/problem";
import { useRows } from "../../api/queries";
import type { Failure, Host, Rehearsal } from "../../api/types";
import { useWords } from "../../i18n";
import "../../pictures/pictures.css";
import { bare } from "../../pictures/racks";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { MOST, NOTHING, asking, chosenIn, isEmpty, type Choice } from "../deathmap/choice";
import { RackMap } from "../deathmap/RackMap";
import "../deathmap/deathmap.css";
import { places } from "./copy";
import { Played } from "./Played";
import "./rehearsal.css";
import { words } from "./words";

type How = keyof typeof words.en.hows;
const HOWS: readonly How[] = ["off", "hangs", "mute"];
const PERSON_S = 120;
const NOBODY: ReadonlyMap<string, number> = new Map();

export default function RehearsalPage() {
  const t = useWords(words);
  const pool = decodeURIComponent(useParams<{ id: string }>().id);
  const search = useSearch();
  const [, go] = useLocation();
  const path = `/pools/${encodeURIComponent(pool)}`;
  const choice = chosenIn(search);
  const given = new URLSearchParams(search);
  const how = HOWS.find((one) => one === given.get("how")) ?? "off";
  const person = given.get("person") !== "no";
  const hosts = useRows<Host>("/hosts", { limit: MOST, q: `pool = "${pool}"` });
  const failures = useRows<Failure>(`${path}/death-map`, { limit: MOST });
  const query = { host: choice.hosts.join(","), domain: choice.domain, how, person_s: person ? PERSON_S : 0 };
  const asked = !isEmpty({ ...choice, datastore: "" });
  // A name of its own: a copy stays as it was taken, whatever is new of the pool.
  const played = useQuery<Rehearsal, Problem>({
    queryKey: ["rehearsal", pool, query],
    queryFn: ({ signal }) => get<Rehearsal>(`${path}/rehearsal`, query, signal),
    enabled: asked,
  });
  const error = hosts.error ?? failures.error;
  function change(next: Choice, nextHow: How = how, nextPerson: boolean = person): void {
    const more = new URLSearchParams({ ...(nextHow !== "off" && { how: nextHow }), ...(!nextPerson && { person: "no" }) }).toString();
    const text = asking(next);
    go(`${path}/rehearsal${text}${more && `${text ? "&" : "?"}${more}`}`, { replace: true });
  }
  const point = (host: string): void => {
    const others = choice.hosts.filter((one) => one !== host);
    change({ ...NOTHING, hosts: others.length < choice.hosts.length ? others : [...others, host] });
  };
  const asWritten = choice.domain ? bare(choice.domain) : choice.hosts.join(", ");
  const named = played.data && !choice.domain ? played.data.name : asWritten;
  return (
    <div className="ap-page ap-rehearsal ap-deathmap">
      <p className="ap-rehearsal__banner" role="note">
        <Icon name="flask" /> <strong>{t.notReal}.</strong> {t.banner}
      </p>
      <nav aria-label={t.crumbs} className="ap-small ap-row">
        <Link href={path}>{pool}</Link> <Icon name="right" /> <span>{t.nothingChosen}</span>
      </nav>
      <h1>{asked ? t.title(named) : t.nothingChosen}</h1>
      {error && <ProblemBox problem={error} again={() => void hosts.refetch()} />}
      {!error && (!hosts.data || !failures.data) && <Waiting />}
      {hosts.data && failures.data && (
        <>
          <Chooser
            failures={failures.data.items}
            choice={choice}
            how={how}
            person={person}
            change={change}
            again={asked ? () => void played.refetch() : null}
          />
          {!asked && (
            <RackMap
              hosts={hosts.data.items}
              failures={places(failures.data.items)}
              takes={NOBODY}
              chosen={[]}
              point={point}
              choose={(one) => change(one.kind === "host" ? { ...NOTHING, hosts: [one.name] } : { ...NOTHING, domain: one.name })}
            />
          )}
          {asked && played.error && <ProblemBox problem={played.error} again={() => void played.refetch()} />}
          {asked && !played.data && !played.error && <Waiting what={t.playing} />}
          {asked && played.data && (
            <Played key={played.dataUpdatedAt} played={played.data} hosts={hosts.data.items} failures={failures.data.items} point={point} />
          )}
        </>
      )}
    </div>
  );
}

interface ChooserProps {
  readonly failures: readonly Failure[];
  readonly choice: Choice;
  readonly how: How;
  readonly person: boolean;
  readonly change: (choice: Choice, how?: How, person?: boolean) => void;
  readonly again: (() => void) | null;
}

function Chooser({ failures, choice, how, person, change, again }: ChooserProps) {
  const t = useWords(words);
  const larger = failures.filter((one) => one.kind !== "host" && one.kind !== "datastore");
  return (
    <section className="ap-card ap-card--padded ap-row ap-row--wrap" aria-label={t.choose}>
      <p className="ap-subtle ap-rehearsal__hint">{t.chooseHint}</p>
      {larger.length > 0 && (
        <label className="ap-small">
          {t.domain}{" "}
          <select className="ap-select" value={choice.domain} onChange={(event) => change({ ...NOTHING, domain: event.target.value })}>
            <option value="">{t.noDomain}</option>
            {larger.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
      )}
      <div className="ap-toggle" role="group" aria-label={t.how}>
        {HOWS.map((one) => (
          <button key={one} type="button" aria-pressed={one === how} onClick={() => change(choice, one)}>
            {t.hows[one]}
          </button>
        ))}
      </div>
      <label className="ap-small ap-row">
        <input type="checkbox" checked={person} onChange={(event) => change(choice, how, event.target.checked)} /> {t.person}
      </label>
      {again && (
        <button type="button" className="ap-button" onClick={again}>
          <Icon name="copy" /> {t.again}
        </button>
      )}
    </section>
  );
}
