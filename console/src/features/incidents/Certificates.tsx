/** Why a host was held to be dead: which proof, from whom, when, what it covers, what rested on it. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import type { Deaths, TimeLine } from "../../api/types";
import { useWords } from "../../i18n";
import { exact } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { certificateText } from "./certificate";
import { save } from "../../ui/save";
import { words } from "./words";

type Death = Deaths["items"][number];

const TIMES: ReadonlySet<string> = new Set(["at", "first_at"]);

export function Certificates({ line }: { line: TimeLine }) {
  const t = useWords(words);
  const { incident } = line;
  const found = useRead<Deaths>(`/ha/incidents/${encodeURIComponent(incident.id)}/certificates`);
  const all = found.data?.items ?? [];
  return (
    <section className="ap-stack" aria-labelledby="certificates">
      <div className="ap-row ap-row--wrap">
        <h2 id="certificates" className="ap-grow">
          {t.certificates}
        </h2>
        <button
          type="button"
          className="ap-button"
          disabled={!found.data}
          onClick={() => save(JSON.stringify({ ...line, certificates: all }, null, 2), `${incident.id}.json`, "application/json")}
        >
          <Icon name="save" /> {t.exportAll}
        </button>
      </div>
      {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
      {!found.data && !found.error && <Waiting />}
      {found.data && all.length === 0 && <p className="ap-card ap-card--padded ap-subtle">{t.noDeath}</p>}
      {all.map((one) => (
        <Certificate key={`${one.host} ${one.kind} ${one.at}`} death={one} incident={incident.id} />
      ))}
    </section>
  );
}

function Certificate({ death, incident }: { death: Death; incident: string }) {
  const t = useWords(words);
  const facts = Object.entries(death.proof ?? {}).filter(([name]) => name !== "type" && name !== "host");
  const title = t.certificate(death.host_name);
  return (
    <article className="ap-card ap-certificate" aria-label={title}>
      <header className="ap-row ap-row--wrap">
        <Icon name="skull" tone="loss" />
        <h3 className="ap-grow">{title}</h3>
        <span className="ap-label ap-label--loss">
          <Icon name="lock" /> {t.kinds[death.kind as keyof typeof t.kinds] ?? death.kind}
        </span>
      </header>
      <dl className="ap-certificate__facts">
        <div>
          <dt>{t.proven}</dt>
          <dd>
            <Moment at={death.at} /> <span className="ap-least ap-small">{exact(death.at)}</span>
          </dd>
        </div>
        <div>
          <dt>{t.proof}</dt>
          <dd className="ap-strong">{death.why}</dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{t.facts[name as keyof typeof t.facts] ?? name.replace(/_/g, " ")}</dt>
            <dd>{TIMES.has(name) && typeof value === "number" ? exact(value) : String(value)}</dd>
          </div>
        ))}
        <div>
          <dt>{t.covers}</dt>
          <dd>
            <Icon name="ok" tone="ok" /> {death.covers}
          </dd>
        </div>
        <div>
          <dt>{t.coversNot}</dt>
          <dd>
            <Icon name="warn" tone="icon--warn" /> {death.covers_not}
          </dd>
        </div>
      </dl>
      <details>
        <summary>{t.seenBefore(death.seen.length)}</summary>
        <ul className="ap-lines">
          {death.seen.map((one, index) => (
            <li key={index}>
              <span className="ap-mono ap-subtle">
                <Moment at={one.at} />
              </span>
              <span>{one.message}</span> <span className="ap-least">{one.source && t.from(one.source)}</span>
            </li>
          ))}
        </ul>
      </details>
      <h4>{t.rested}</h4>
      {death.rested.length === 0 ? (
        <p className="ap-subtle">{t.nothingRested}</p>
      ) : (
        <PlainTable label={`${title}: ${t.rested}`} head={["VM", t.startedOn, t.state, t.began, t.plan]}>
          {death.rested.map((one) => (
            <tr key={`${one.plan} ${one.step}`}>
              <th scope="row">
                <Link href={`/vms/${encodeURIComponent(one.vm)}`}>{one.vm_name}</Link>
              </th>
              <td>{one.host_name}</td>
              <td>{t.states[one.state as keyof typeof t.states] ?? one.state}</td>
              <td>
                <Moment at={one.began_at} />
              </td>
              <td>
                <Link href={`/plans/${one.plan}`}>{t.stepOf(one.step)}</Link>
              </td>
            </tr>
          ))}
        </PlainTable>
      )}
      <p>
        <button
          type="button"
          className="ap-button"
          onClick={() => save(certificateText(death, incident, t), `${incident}-${death.host_name}.txt`, "text/plain")}
        >
          <Icon name="save" /> {t.exportOne}
        </button>
      </p>
    </article>
  );
}
