/** A rule: its kind, whom it binds, and what it says of now. */
import { useRef, useState } from "react";
import { Link } from "wouter";
import { newKey, send } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Policy } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { Binds, useFound } from "./Binds";
import { addPolicy, concerned, type Rule } from "./deed";
import { words } from "./deedwords";
import { Field } from "./Field";
import { asProblem } from "./usePlanned";
import { Wizard } from "./Wizard";

type Kind = keyof typeof words.en.rule.kinds;

const OF_HOSTS: ReadonlySet<Kind> = new Set(["ha", "headroom", "max-vms", "failover"]);
const MAY_BE_WISHES: ReadonlySet<Kind> = new Set(["apart", "together", "on-hosts"]);
const EMPTY = {
  name: "", scope: "", domain: "host", hosts: "", level: "automatic", priority: "high",
  failures: "1", memory_percent: "10", maximum: "20",
};
type Values = typeof EMPTY;

function ruleOf(kind: Kind, given: Values, avoid: boolean): Rule {
  const rules: Readonly<Record<Kind, Rule>> = {
    apart: { kind, domain: given.domain },
    together: { kind, domain: given.domain },
    "on-hosts": { kind, hosts: given.hosts, ...(avoid && { avoid: true }) },
    restart: { kind, priority: given.priority },
    ha: { kind, level: given.level },
    failover: { kind, failures: Number(given.failures) || 0 },
    headroom: { kind, memory_percent: Number(given.memory_percent) || 0 },
    "max-vms": { kind, maximum: Number(given.maximum) || 0 },
  };
  return rules[kind];
}

export default function NewPolicy() {
  const all = useWords(words);
  const t = all.rule;
  const [kind, setKind] = useState<Kind>("apart");
  const [values, setValues] = useState(EMPTY);
  const [avoid, setAvoid] = useState(false);
  const [should, setShould] = useState(false);
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [made, setMade] = useState<Policy | null>(null);
  const once = useRef(newKey());
  const path = OF_HOSTS.has(kind) ? "/hosts" : "/vms";
  const found = useFound(path, values.scope);
  const asked = addPolicy({
    name: values.name || "NAME",
    scope: values.scope,
    rule: ruleOf(kind, values, avoid),
    should: should && MAY_BE_WISHES.has(kind),
  });

  function change(part: Partial<Values>): void {
    setValues({ ...values, ...part });
    once.current = newKey();
  }

  async function next(): Promise<void> {
    setProblem(null);
    if (at < 2) return setAt(at + 1);
    setBusy(true);
    try {
      setMade(await send<Policy>("POST", asked.call.path, { body: asked.call.body, once: once.current }));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }

  const field = problem ? concerned(problem, { name: values.name, scope: values.scope, hosts: values.hosts }) : "";
  const wrong = (name: string): Problem | null => (field === name ? problem : null);

  const kinds = (
    <fieldset className="ap-kinds">
      <legend className="ap-only-read">{t.kind}</legend>
      {(Object.keys(t.kinds) as Kind[]).map((one) => (
        <label key={one}>
          <input type="radio" name="kind" checked={kind === one}
            onChange={() => {
              setKind(one);
              once.current = newKey();
            }} />
          <span className="ap-strong">{t.kinds[one][0]}</span>
          <small>{t.kinds[one][1]}</small>
        </label>
      ))}
    </fieldset>
  );

  const scope = (
    <>
      <Field label={path === "/vms" ? t.vms : t.hosts} name="scope" help={t.scopeHelp}
        problem={found.problem ?? wrong("scope")}>
        {(wired) => (
          <input {...wired} value={values.scope} maxLength={2000} autoComplete="off" spellCheck={false}
            className="ap-mono" onChange={(event) => change({ scope: event.target.value })} />
        )}
      </Field>
      <Binds path={path} found={found} />
      <Details kind={kind} values={values} change={change} wrong={wrong} avoid={avoid} onAvoid={setAvoid} />
      {MAY_BE_WISHES.has(kind) && (
        <label className="ap-check">
          <input type="checkbox" checked={should} onChange={(event) => setShould(event.target.checked)} /> {t.should}
        </label>
      )}
    </>
  );

  const check = made ? (
    <div className={`ap-call ap-call--${made.breaches.length ? "warn" : "ok"}`} role="status">
      <Icon name={made.breaches.length ? "warn" : "ok"} tone={made.breaches.length ? "warn" : "ok"} />
      <div className="ap-stack">
        <p className="ap-strong">{t.done(made.id)}</p>
        {made.hint && <p className="ap-warn">{made.hint}</p>}
        <p>{made.breaches.length ? t.breaches : t.kept}</p>
        {made.breaches.length > 0 && (
          <ul>
            {made.breaches.slice(0, 10).map((one) => (
              <li key={one.why}>{one.why}</li>
            ))}
          </ul>
        )}
        <p className="ap-row ap-row--wrap">
          <Link href="/policies" className="ap-button ap-button--main">{t.toPolicies}</Link>
          <button type="button" className="ap-button"
            onClick={() => {
              setMade(null);
              change({ name: "" });
              setAt(0);
            }}>
            {t.another}
          </button>
        </p>
      </div>
    </div>
  ) : (
    <>
      <Field label={t.name} name="name" help={t.nameHelp} problem={wrong("name")}>
        {(wired) => (
          <input {...wired} value={values.name} required maxLength={60} autoComplete="off" spellCheck={false}
            onChange={(event) => change({ name: event.target.value })} />
        )}
      </Field>
      <p>
        <span className="ap-strong">{t.kinds[kind][0]}</span>: {t.kinds[kind][1]}
      </p>
      <Binds path={path} found={found} />
    </>
  );

  return (
    <Wizard
      title={t.title} lead={t.lead} role="administrator" at={at} busy={busy}
      problem={field && at === 2 && field === "name" ? null : problem}
      asked={at > 0 && !made ? [asked] : []}
      onNext={() => void next()}
      onBack={() => {
        setProblem(null);
        setAt(at - 1);
      }}
      steps={[
        { title: t.kind, body: kinds },
        { title: t.scope, body: scope, blocked: found.total === null },
        { title: t.check, body: check, next: made ? null : t.add },
      ]}
    />
  );
}

interface DetailsProps {
  readonly kind: Kind;
  readonly values: Values;
  readonly change: (part: Partial<Values>) => void;
  readonly wrong: (name: string) => Problem | null;
  readonly avoid: boolean;
  readonly onAvoid: (avoid: boolean) => void;
}

function Details({ kind, values, change, wrong, avoid, onAvoid }: DetailsProps) {
  const all = useWords(words);
  const t = all.rule;
  const choice = (name: "domain" | "level" | "priority", label: string, choices: Readonly<Record<string, string>>) => (
    <Field label={label} name={name} problem={wrong(name)}>
      {(wired) => (
        <select {...wired} value={values[name]} onChange={(event) => change({ [name]: event.target.value })}>
          {Object.entries(choices).map(([value, text]) => (
            <option key={value} value={value}>{text}</option>
          ))}
        </select>
      )}
    </Field>
  );
  const count = (name: "failures" | "memory_percent" | "maximum", least: number, most: number) => (
    <Field label={t[name]} name={name} problem={wrong(name)}>
      {(wired) => (
        <input {...wired} type="number" min={least} max={most} required value={values[name]}
          onChange={(event) => change({ [name]: event.target.value })} />
      )}
    </Field>
  );
  if (kind === "apart") return choice("domain", t.domain, t.domains);
  if (kind === "together") return choice("domain", t.togetherBy, t.domains);
  if (kind === "restart") return choice("priority", all.protect.priority, all.protect.priorities);
  if (kind === "ha") return choice("level", all.protect.level, all.protect.levels);
  if (kind === "failover") return count("failures", 1, 10);
  if (kind === "headroom") return count("memory_percent", 1, 90);
  if (kind === "max-vms") return count("maximum", 1, 10_000);
  return (
    <>
      <Field label={t.hostQuery} name="hosts" problem={wrong("hosts")}>
        {(wired) => (
          <input {...wired} value={values.hosts} required maxLength={2000} autoComplete="off" spellCheck={false}
            className="ap-mono" onChange={(event) => change({ hosts: event.target.value })} />
        )}
      </Field>
      <label className="ap-check">
        <input type="checkbox" checked={avoid} onChange={(event) => onAvoid(event.target.checked)} /> {t.avoid}
      </label>
    </>
  );
}
