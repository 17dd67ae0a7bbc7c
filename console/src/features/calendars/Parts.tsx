/** The steps of the wizard of calendars: what for, when, and how much happens by itself. */
import { useRows } from "../../api/queries";
import type { Profile, Service } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { Field } from "../wizards/Field";
import type { Draft } from "./draft";
import { words } from "./words";

interface Props {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
}

const FEW = 12;

function replaced<T>(all: readonly T[], at: number, part: Partial<T>): T[] {
  return all.map((one, index) => (index === at ? { ...one, ...part } : one));
}

function without<T>(all: readonly T[], at: number): T[] {
  return all.filter((_, index) => index !== at);
}

function few(names: readonly string[]): string {
  return names.slice(0, FEW).join(", ") + (names.length > FEW ? ", …" : "");
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly help?: string;
  readonly required?: boolean;
  readonly list?: string;
}

function Text({ label, value, onChange, help, required = false, list }: TextProps) {
  return (
    <Field label={label} name={label} {...(help && { help })}>
      {(wired) => (
        <input {...wired} value={value} required={required} maxLength={2000} autoComplete="off" spellCheck={false}
          {...(list && { list })} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}

function Away({ onClick }: { onClick: () => void }) {
  const t = useWords(words).wizard;
  return (
    <button type="button" className="ap-button ap-button--plain" onClick={onClick} aria-label={t.take} title={t.take}>
      <Icon name="times" />
    </button>
  );
}

export function Purposes({ draft, change }: Props) {
  const all = useWords(words);
  const t = all.wizard;
  const profiles = useRows<Profile>("/profiles", { limit: 100 });
  const services = useRows<Service>("/services", { limit: 100 });
  const { purposes } = draft;
  return (
    <>
      <p className="ap-subtle">{t.purposesHelp}</p>
      {purposes.map((one, at) => (
        <fieldset key={at} className="ap-several">
          <legend className="ap-strong">{one.name || `${all.purpose} ${at + 1}`}</legend>
          <div className="ap-row">
            <div className="ap-grow">
              <Text label={all.name} value={one.name} required help={t.nameHelp.replace("blades", "production")}
                onChange={(name) => change({ purposes: replaced(purposes, at, { name }) })} />
            </div>
            {purposes.length > 1 && <Away onClick={() => change({ purposes: without(purposes, at) })} />}
          </div>
          <Text label={all.profiles} value={one.profiles} help={t.profilesHelp(few((profiles.data?.items ?? []).map((p) => p.name)))}
            onChange={(next) => change({ purposes: replaced(purposes, at, { profiles: next }) })} />
          <Text label={all.services} value={one.services} help={t.servicesHelp(few((services.data?.items ?? []).map((s) => s.id)))}
            onChange={(next) => change({ purposes: replaced(purposes, at, { services: next }) })} />
          <label className="ap-check">
            <input type="checkbox" checked={one.hosts} onChange={(event) => change({ purposes: replaced(purposes, at, { hosts: event.target.checked }) })} />{" "}
            {t.hosts}
          </label>
        </fieldset>
      ))}
      <p>
        <button type="button" className="ap-button" onClick={() => change({ purposes: [...purposes, { name: "", profiles: "", services: "", hosts: false }] })}>
          <Icon name="plus" /> {t.addPurpose}
        </button>
      </p>
    </>
  );
}

function Purpose({ value, draft, onChange, none, label }: {
  value: string;
  draft: Draft;
  onChange: (value: string) => void;
  /** What choosing none means; a purpose has to be chosen without it. */
  none?: string;
  label: string;
}) {
  return (
    <Field label={label} name={label}>
      {(wired) => (
        <select {...wired} value={value} required={none === undefined} onChange={(event) => onChange(event.target.value)}>
          <option value="">{none ?? "–"}</option>
          {draft.purposes.filter((one) => one.name).map((one) => (
            <option key={one.name}>{one.name}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Times({ draft, change }: Props) {
  const all = useWords(words);
  const t = all.wizard;
  const { spans, exceptions } = draft;
  return (
    <>
      {spans.map((one, at) => (
        <fieldset key={at} className="ap-several">
          <legend className="ap-only-read">{`${all.spans} ${at + 1}`}</legend>
          <div className="ap-fields">
            <Purpose label={all.purpose} value={one.purpose} draft={draft} onChange={(purpose) => change({ spans: replaced(spans, at, { purpose }) })} />
            <Text label={t.when} value={one.when} required help={t.whenHelp} onChange={(when) => change({ spans: replaced(spans, at, { when }) })} />
            <Away onClick={() => change({ spans: without(spans, at) })} />
          </div>
        </fieldset>
      ))}
      <Purpose label={t.otherwise} none={t.stays} value={draft.otherwise} draft={draft} onChange={(otherwise) => change({ otherwise })} />
      {exceptions.map((one, at) => (
        <fieldset key={at} className="ap-several">
          <legend className="ap-only-read">{`${all.exceptions} ${at + 1}`}</legend>
          <div className="ap-fields">
            <Purpose label={all.purpose} none={t.stays} value={one.purpose} draft={draft} onChange={(purpose) => change({ exceptions: replaced(exceptions, at, { purpose }) })} />
            <Text label={t.when} value={one.when} required help={t.dateHelp} onChange={(when) => change({ exceptions: replaced(exceptions, at, { when }) })} />
            <Text label={all.deeds.words} value={one.words} onChange={(next) => change({ exceptions: replaced(exceptions, at, { words: next }) })} />
            <Away onClick={() => change({ exceptions: without(exceptions, at) })} />
          </div>
        </fieldset>
      ))}
      <p className="ap-row ap-row--wrap">
        <button type="button" className="ap-button" onClick={() => change({ spans: [...spans, { purpose: "", when: "" }] })}>
          <Icon name="plus" /> {t.addSpan}
        </button>
        <button type="button" className="ap-button" onClick={() => change({ exceptions: [...exceptions, { purpose: "", when: "", words: "" }] })}>
          <Icon name="plus" /> {t.addException}
        </button>
      </p>
    </>
  );
}

export function How({ draft, change }: Props) {
  const all = useWords(words);
  const t = all.wizard;
  const percent = (label: string, name: "above" | "below") => (
    <Field label={label} name={name}>
      {(wired) => (
        <input {...wired} type="number" min={1} max={100} required value={draft[name]} onChange={(event) => change({ [name]: event.target.value })} />
      )}
    </Field>
  );
  return (
    <>
      <Field label={t.level} name="level">
        {(wired) => (
          <select {...wired} value={draft.level} onChange={(event) => change({ level: event.target.value })}>
            {Object.entries(all.levels).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      <label className="ap-check">
        <input type="checkbox" checked={draft.waive} onChange={(event) => change({ waive: event.target.checked })} /> {t.waive}
      </label>
      <label className="ap-check">
        <input type="checkbox" checked={draft.loads} onChange={(event) => change({ loads: event.target.checked })} /> {t.onLoad}
      </label>
      {draft.loads && (
        <fieldset className="ap-several">
          <legend className="ap-only-read">{t.onLoad}</legend>
          <Text label={t.loadHosts} value={draft.loadHosts} onChange={(loadHosts) => change({ loadHosts })} />
          <Text label={t.come} value={draft.come} required onChange={(come) => change({ come })} />
          <Text label={t.yields} value={draft.yields} onChange={(yields) => change({ yields })} />
          <div className="ap-fields">
            {percent(t.above, "above")}
            {percent(t.below, "below")}
          </div>
        </fieldset>
      )}
    </>
  );
}
