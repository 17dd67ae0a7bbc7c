/** A calendar: which servers, what for, when, and its week before anything is kept. */
import { useRef, useState } from "react";
import { Link, useParams } from "wouter";
import { newKey, send } from "../../api/client";
import type { Problem } from "../../api/problem";
import { queries, useRead } from "../../api/queries";
import type { Calendar, ForeseenWeek } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { Waiting } from "../../ui/Waiting";
import { Binds, useFound } from "../wizards/Binds";
import { declareCalendar } from "../wizards/deed";
import { Field } from "../wizards/Field";
import { asProblem } from "../wizards/usePlanned";
import { Wizard } from "../wizards/Wizard";
import { ObjectProblem } from "../objects/Frame";
import { draftOf, emptyDraft, valuesOf, type Draft } from "./draft";
import { How, Purposes, Times } from "./Parts";
import { words } from "./words";
import { Changes, Week } from "./Week";

const LOOK = 4;
const ZONES: readonly string[] = Intl.supportedValuesOf?.("timeZone") ?? [];

export default function CalendarWizard() {
  const key = useParams<{ key?: string }>().key;
  const path = `/calendars/${key ?? ""}`;
  const found = useRead<Calendar>(path, {}, { enabled: key !== undefined });
  if (key === undefined) return <Steps first={emptyDraft(Intl.DateTimeFormat().resolvedOptions().timeZone)} known={false} />;
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!found.data) return <Waiting />;
  return <Steps key={key} first={draftOf(found.data)} known />;
}

function Steps({ first, known }: { first: Draft; known: boolean }) {
  const all = useWords(words);
  const t = all.wizard;
  const [draft, setDraft] = useState(first);
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [week, setWeek] = useState<ForeseenWeek | null>(null);
  const [made, setMade] = useState<Calendar | null>(null);
  const once = useRef(newKey());
  const found = useFound("/servers", draft.servers);
  const asked = declareCalendar(valuesOf(draft));

  function change(part: Partial<Draft>): void {
    setDraft({ ...draft, ...part });
    setWeek(null);
    once.current = newKey();
  }

  async function next(): Promise<void> {
    setProblem(null);
    if (at < LOOK - 1) return setAt(at + 1);
    setBusy(true);
    try {
      if (at === LOOK - 1) {
        setWeek(await send<ForeseenWeek>("POST", "/calendars", { body: asked.call.body, query: { dry_run: true }, once: "" }));
        setAt(LOOK);
      } else {
        setMade(await send<Calendar>("POST", asked.call.path, { body: asked.call.body, once: once.current }));
        setAt(LOOK + 1);
        await queries.invalidateQueries({ predicate: (one) => String(one.queryKey[0]).startsWith("/calendars") });
      }
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }

  const servers = (
    <>
      <Field label={all.name} name="name" help={t.nameHelp}>
        {(wired) => (
          <input {...wired} value={draft.name} required readOnly={known} maxLength={60} autoComplete="off" spellCheck={false}
            onChange={(event) => change({ name: event.target.value })} />
        )}
      </Field>
      <Field label={all.servers} name="servers" help={t.serversHelp} problem={found.problem}>
        {(wired) => (
          <input {...wired} value={draft.servers} required maxLength={2000} autoComplete="off" spellCheck={false} className="ap-mono"
            onChange={(event) => change({ servers: event.target.value })} />
        )}
      </Field>
      {draft.servers.trim() !== "" && <Binds path="/servers" found={found} />}
      <Field label={all.zone} name="zone" help={t.zoneHelp}>
        {(wired) => (
          <input {...wired} value={draft.zone} required list="ap-zones" maxLength={60} autoComplete="off" spellCheck={false}
            onChange={(event) => change({ zone: event.target.value })} />
        )}
      </Field>
      <datalist id="ap-zones">
        {ZONES.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <Field label={all.description} name="description">
        {(wired) => (
          <input {...wired} value={draft.description} maxLength={400} autoComplete="off"
            onChange={(event) => change({ description: event.target.value })} />
        )}
      </Field>
    </>
  );

  const look = week && (
    <>
      <p className="ap-subtle">{all.weekLead}</p>
      <Week of={week} />
      <Changes of={week} />
    </>
  );

  const done = made && (
    <div className="ap-call ap-call--ok" role="status">
      <Icon name="ok" tone="ok" />
      <div className="ap-stack">
        <p className="ap-strong">{t.done(made.id)}</p>
        <p className="ap-row ap-row--wrap">
          <Link href={`/calendars/${encodeURIComponent(made.id)}`} className="ap-button ap-button--main">
            {t.open}
          </Link>
          <Link href="/calendars" className="ap-button">
            {t.toAll}
          </Link>
        </p>
      </div>
    </div>
  );

  return (
    <Wizard
      title={known ? t.titleEdit(first.name) : t.title}
      lead={t.lead}
      role="administrator"
      at={at}
      busy={busy}
      problem={problem}
      asked={at > 0 && !made ? [asked] : []}
      onNext={() => void next()}
      onBack={() => {
        setProblem(null);
        setAt(at - 1);
      }}
      steps={[
        { title: t.steps.servers, body: servers, blocked: found.total === null },
        { title: t.steps.purposes, body: <Purposes draft={draft} change={change} /> },
        { title: t.steps.times, body: <Times draft={draft} change={change} /> },
        { title: t.steps.how, body: <How draft={draft} change={change} />, next: t.check },
        { title: t.steps.look, body: look, next: t.keep },
        { title: t.steps.done, body: done, next: null },
      ]}
    />
  );
}
