import { Link, useLocation, useParams } from "wouter";
import { exchange, send } from "../../api/client";
import { queries, useRead, useUnhurried } from "../../api/queries";
import type { Calendar, ForeseenWeek } from "../../api/types";
import { useWords } from "../../i18n";
import { moment, percent } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { DeedButtons, type Named } from "../objects/DeedButtons";
import { Frame, ObjectProblem } from "../objects/Frame";
import { Card, Facts, Past } from "../objects/parts";
import { words, type CalendarWords } from "./words";
import { Changes, Week } from "./Week";

const DAYS = 7;

export default function CalendarPage() {
  const t = useWords(words);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/calendars/${encodeURIComponent(id)}`;
  const found = useRead<Calendar>(path);
  const one = found.data;
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!one) return <Waiting />;
  return (
    <Frame
      name={one.id}
      list={[t.title, "/calendars"]}
      state={
        <>
          <span className={`ap-label${one.enabled ? "" : " ap-label--warn"}`}>{one.enabled ? t.on : t.off}</span>
          {one.hold && (
            <span className="ap-label ap-label--warn">
              <Icon name="pause" /> {t.held}
            </span>
          )}
        </>
      }
      actions={<CalendarDeeds of={one} path={path} />}
    >
      {one.hold && <Held of={one} t={t} />}
      <Card title={t.how}>
        <Facts
          of={[
            [t.wants, <span key="w" className="ap-strong">{one.now.purpose || t.asIs}</span>],
            [t.until, <Moment key="u" at={one.now.until} />],
            [t.because, [t.causes[one.now.cause as keyof typeof t.causes], one.now.words].filter(Boolean).join(": ")],
            [t.how, one.now.why || (one.now.settled ? t.settled : "")],
            [t.plan, one.now.plan && <Link key="p" href={`/plans/${encodeURIComponent(one.now.plan)}`}>{one.now.plan}</Link>],
          ]}
        />
        {one.now.attempts > 0 && (
          <p className="ap-loss">
            <Icon name="warn" /> {t.attempts(one.now.attempts)}
          </p>
        )}
      </Card>
      <Card title={t.facts}>
        <Facts
          of={[
            [t.description, one.description],
            [t.servers, <code key="s">{one.servers}</code>],
            [t.zone, one.zone],
            [t.level, t.levels[one.level as keyof typeof t.levels]],
            [t.waive, one.waive ? t.yes : ""],
            [t.spans, one.spans.map((span) => `${span.purpose}: ${span.when}`).join("; ")],
            [t.otherwise, one.otherwise || t.asIs],
          ]}
        />
      </Card>
      <Foreseen path={path} />
      <Card title={t.purposes} wide>
        <PlainTable label={t.purposes} head={[t.purpose, t.profiles, t.services, t.hosts]}>
          {one.purposes.map((purpose) => (
            <tr key={purpose.name}>
              <th scope="row">{purpose.name}</th>
              <td>{(purpose.profiles ?? []).join(", ") || t.nothing}</td>
              <td>{(purpose.services ?? []).join(", ")}</td>
              <td>{purpose.hosts ? t.yes : t.no}</td>
            </tr>
          ))}
        </PlainTable>
      </Card>
      <Card title={t.exceptions}>
        {one.exceptions.length === 0 && <p className="ap-subtle">{t.noExceptions}</p>}
        <ul className="ap-lines">
          {one.exceptions.map((other) => (
            <li key={other.when}>
              <span className="ap-strong">{other.when}</span> <span>{other.purpose || t.asIs}</span>{" "}
              <span className="ap-subtle">{other.words}</span>
            </li>
          ))}
        </ul>
      </Card>
      {one.on_load && <OnLoad of={one} t={t} />}
      <Past kind="calendar" id={one.id} />
    </Frame>
  );
}

function Held({ of, t }: { of: Calendar; t: CalendarWords }) {
  const hold = of.hold;
  if (!hold) return null;
  const until = moment(hold.until);
  return (
    <div className="ap-call ap-call--warn ap-object__card--wide" role="status">
      <Icon name="pause" tone="warn" />
      <div>
        <p className="ap-strong">
          {hold.reason ? t.heldRestored(until) : t.heldBy(hold.by, until)}, {hold.purpose ? t.heldWith(hold.purpose) : t.heldAsIs}
        </p>
        {hold.words && <p>{hold.words}</p>}
      </div>
    </div>
  );
}

function Foreseen({ path }: { path: string }) {
  const t = useWords(words);
  const found = useUnhurried<ForeseenWeek>(`${path}/preview`, { days: DAYS });
  return (
    <>
      <Card title={t.week} wide>
        <p className="ap-subtle">{t.weekLead}</p>
        {found.error && <ProblemBox problem={found.error} again={() => void found.refetch()} />}
        {!found.data && !found.error && <Waiting what={t.foreseeing} />}
        {found.data && <Week of={found.data} />}
      </Card>
      {found.data && found.data.turns.length > 0 && (
        <Card title={t.changes} wide>
          <Changes of={found.data} />
        </Card>
      )}
    </>
  );
}

function OnLoad({ of, t }: { of: Calendar; t: CalendarWords }) {
  const rule = of.on_load;
  if (!rule) return null;
  const { above_percent: above = 75, below_percent: below = 40 } = rule;
  const busy = of.now.busy_percent;
  return (
    <Card title={t.onLoad}>
      <p>{t.load.rule(rule.profiles.join(", "), percent(above), rule.hosts || t.load.allHosts, percent(below))}</p>
      {(rule.yields ?? []).length > 0 && <p className="ap-subtle">{t.load.yields((rule.yields ?? []).join(", "))}</p>}
      <p className={busy === null ? "ap-warn" : "ap-subtle"}>
        {busy === null ? t.load.unmeasured : t.load.busy(percent(busy))}
        {of.now.extra > 0 && `; ${t.load.extra(of.now.extra)}`}
      </p>
    </Card>
  );
}

/** What an operator may do, and what an administrator. */
function CalendarDeeds({ of, path }: { of: Calendar; path: string }) {
  const t = useWords(words);
  const d = t.deeds;
  const [, go] = useLocation();
  const refresh = async (): Promise<void> =>
    queries.invalidateQueries({ predicate: (one) => String(one.queryKey[0]).startsWith("/calendars") });
  async function post(verb: string, body: unknown, once: string): Promise<void> {
    await send("POST", `${path}/${verb}`, { ...(body !== null && { body }), once });
    await refresh();
  }
  async function change(body: unknown): Promise<void> {
    const seen = await exchange<Calendar>("GET", path);
    await send("PATCH", path, { body, ...(seen.etag && { ifMatch: seen.etag }) });
    await refresh();
  }
  const wallOf = (given: string): string => given.replace("T", " ").slice(0, 16);
  const purposes = [["", t.asIs], ...of.purposes.map((one) => [one.name, one.name])] as [string, string][];
  const levels = Object.entries(t.levels);
  const operating: readonly Named[] = [
    {
      label: d.hold, icon: "pause", fits: !of.hold,
      deed: {
        path,
        asks: [
          { field: "until", label: `${d.until} (${of.zone})`, time: true },
          { field: "purpose", label: d.purpose, choices: purposes, optional: true },
          { field: "words", label: d.words, optional: true },
        ],
        look: async (_, given) => d.holds(wallOf(given.until ?? ""), given.purpose || t.asIs),
        perform: (_, given, once) =>
          post("hold", { until: wallOf(given.until ?? ""), purpose: given.purpose ?? "", words: given.words ?? "" }, once),
      },
    },
    {
      label: d.release, icon: "play", fits: of.hold !== null,
      deed: { path, look: async () => d.released, perform: (_, __, once) => post("release", null, once) },
    },
    {
      label: d.again, icon: "undo", fits: of.now.attempts > 0 || (!of.now.settled && !of.now.plan),
      deed: { path, look: async () => d.triesAgain, perform: (_, __, once) => post("again", null, once) },
    },
  ];
  const governing: readonly Named[] = [
    {
      label: d.level, icon: "cog", fits: true,
      deed: {
        path,
        asks: [{ field: "level", label: d.level, choices: [["", "–"], ...levels] }],
        look: async (_, given) => d.levelled(t.levels[given.level as keyof typeof t.levels] ?? ""),
        perform: (_, given) => change({ level: given.level }),
      },
    },
    { label: d.turnOff, icon: "power", fits: of.enabled, deed: { path, look: async () => d.turnsOff, perform: () => change({ enabled: false }) } },
    { label: d.turnOn, icon: "power", fits: !of.enabled, deed: { path, look: async () => d.turnsOn, perform: () => change({ enabled: true }) } },
    {
      label: d.remove, icon: "trash", fits: true,
      deed: {
        path, danger: true, look: async () => d.removes,
        perform: async () => {
          await send("DELETE", path);
          await refresh();
          go("/calendars");
        },
      },
    },
  ];
  const target = { key: of.id, name: of.id };
  return (
    <>
      <Link href={`${path}/edit`} className="ap-button">
        <Icon name="edit" /> {d.edit}
      </Link>
      <DeedButtons deeds={operating} target={target} />
      <DeedButtons role="administrator" deeds={governing} target={target} />
    </>
  );
}
