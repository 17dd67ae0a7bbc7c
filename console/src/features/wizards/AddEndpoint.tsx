/** Add the first endpoint: the address, then what it shows is confirmed, then the account. */
import { useRef, useState } from "react";
import { Link } from "wouter";
import { newKey, send } from "../../api/client";
import { Problem } from "../../api/problem";
import { useRows } from "../../api/queries";
import type { Answer, Look, Pool } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { addEndpoint, adoptServer, concerned, type Asked } from "./deed";
import { Field } from "./Field";
import { asProblem } from "./usePlanned";
import { Wizard } from "./Wizard";
import { words } from "./endpointwords";

interface Done {
  readonly hosts?: number;
  readonly server?: string;
}

interface Values {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly name: string;
  readonly pool: string;
}

const EMPTY: Values = { address: "", user: "", password: "", name: "", pool: "default" };

export default function AddEndpoint() {
  return <AddServer />;
}

export function AddServer({ whole = true, onBegun }: { whole?: boolean; onBegun?: () => void }) {
  const t = useWords(words);
  const pools = useRows<Pool>("/pools", { limit: 100 });
  const [values, setValues] = useState(EMPTY);
  const [look, setLook] = useState<Look | null>(null);
  const [chosen, setChosen] = useState(0);
  const [confirmed, setConfirmed] = useState(false);
  const [only, setOnly] = useState(true);
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState<Done | null>(null);
  const once = useRef(newKey());

  const answer = look?.items[chosen] ?? null;
  const asked: readonly Asked[] = answer && at > 0 ? [wish(answer)] : [];

  function wish(one: Answer): Asked {
    const { user, password, name, pool } = values;
    if (one.server) {
      return adoptServer({ address: one.uri, user, name, pool, fingerprint: one.fingerprint, password });
    }
    return addEndpoint({
      uri: one.uri, user: one.login === "nothing" ? "" : user, name, pool, observeOnly: only,
      ...(one.login === "password" && { password }),
      ...(one.shows === "host-key" && !one.vouched && { hostKey: one.fingerprint }),
      ...(one.shows === "certificate" && !one.vouched && { certificate: one.fingerprint }),
    });
  }

  function choose(index: number, found: Look | null = look): void {
    setChosen(index);
    setConfirmed(false);
    setValues((before) => ({ ...before, user: found?.items[index]?.user ?? "" }));
  }

  function change(part: Partial<Values>): void {
    setValues({ ...values, ...part });
    // Another wish is another key: the same one sent twice is done once.
    once.current = newKey();
  }

  async function next(): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      if (at === 0) {
        const found = await send<Look>("POST", "/endpoints/look", { body: { address: values.address } });
        setLook(found);
        choose(0, found);
        setAt(1);
        onBegun?.();
      } else if (at === 1) setAt(2);
      else if (answer) await add(answer);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }

  async function add(one: Answer): Promise<void> {
    const { call } = wish(one);
    const made = await send<{ hosts?: readonly unknown[]; name?: string }>("POST", call.path, {
      body: call.body,
      once: once.current,
    });
    setDone(one.server ? { server: made.name ?? values.name } : { hosts: made.hosts?.length ?? 0 });
    setValues({ ...values, password: "" });
    setAt(3);
  }

  function again(): void {
    setValues(EMPTY);
    setLook(null);
    setDone(null);
    setProblem(null);
    setAt(0);
    once.current = newKey();
  }

  const { password: _, ...told } = values;
  const field = problem ? (at === 0 ? "address" : concerned(problem, told)) : "";
  const at_ = (name: string): Problem | null => (field === name ? problem : null);
  const safe = answer !== null && !answer.changed && (answer.shows === "nothing" || answer.vouched || confirmed);
  const keyless = answer?.login === "key" && !look?.public_key;

  const address = (
    <Field label={t.address} name="address" help={t.addressHelp} problem={at_("address")}>
      {(wired) => (
        <input {...wired} value={values.address} required maxLength={400} autoComplete="off" spellCheck={false}
          onChange={(event) => change({ address: event.target.value })} />
      )}
    </Field>
  );

  const confirm = (
    <>
      {look && look.items.length > 1 && (
        <fieldset className="ap-kinds">
          <legend>{t.several}</legend>
          {look.items.map((one, index) => (
            <label key={one.uri}>
              <input type="radio" name="kind" checked={index === chosen} onChange={() => choose(index)} />
              <span>{kindOf(one)}</span>
              <small>{one.uri}</small>
            </label>
          ))}
        </fieldset>
      )}
      {answer && (
        <div className="ap-call ap-call--ok">
          <Icon name="ok" tone="ok" />
          <div className="ap-grow ap-stack">
            <p>
              <span className="ap-strong">{kindOf(answer)}</span> <span className="ap-subtle">{t.found}</span>
            </p>
            {answer.shows === "nothing" ? (
              <p>{answer.kind === "libvirt-tcp" ? t.clear : t.nothing}</p>
            ) : (
              <>
                <p>
                  {answer.shows === "host-key" ? t.hostKey : t.certificate}
                  <br />
                  <span className="ap-print">{answer.fingerprint}</span>
                </p>
                {answer.vouched && <p>{answer.shows === "host-key" ? t.vouchedKey : t.vouchedCertificate}</p>}
                {!answer.vouched && (
                  <p>
                    {answer.shows === "host-key" ? t.compareKey : t.compareCertificate}
                    {answer.shows === "host-key" && (
                      <>
                        <br />
                        <code>ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub</code>
                      </>
                    )}
                  </p>
                )}
              </>
            )}
          </div>
        </div>
      )}
      {answer?.changed && <p className="ap-loss" role="alert">{t.changedKey}</p>}
      {answer && answer.shows !== "nothing" && !answer.vouched && !answer.changed && (
        <label className="ap-check">
          <input type="checkbox" checked={confirmed} onChange={(event) => setConfirmed(event.target.checked)} />
          {t.same}
        </label>
      )}
    </>
  );

  function kindOf(one: Answer): string {
    const kind = t.kinds[one.kind as keyof typeof t.kinds] ?? one.kind;
    return one.product ? `${kind}: ${one.product}` : kind;
  }

  const account = answer && (
    <>
      {answer.login === "key" && (
        <div>
          <p className={keyless ? "ap-warn" : ""}>{keyless ? t.noKey : t.byKey}</p>
          {!keyless && <p className="ap-print">{look?.public_key}</p>}
        </div>
      )}
      <div className="ap-fields">
        {answer.login !== "nothing" && (
          <Field label={t.user} name="user" problem={at_("user")}>
            {(wired) => (
              <input {...wired} value={values.user} required maxLength={64} autoComplete="off" spellCheck={false}
                onChange={(event) => change({ user: event.target.value })} />
            )}
          </Field>
        )}
        {answer.login === "password" && (
          <Field label={t.password} name="password" help={t.passwordHelp} problem={at_("password")}>
            {(wired) => (
              <input {...wired} type="password" value={values.password} required autoComplete="off"
                onChange={(event) => change({ password: event.target.value })} />
            )}
          </Field>
        )}
        <Field label={t.name} name="name" help={t.nameHelp} problem={at_("name")}>
          {(wired) => (
            <input {...wired} value={values.name} maxLength={60} autoComplete="off" spellCheck={false}
              onChange={(event) => change({ name: event.target.value })} />
          )}
        </Field>
        <Field label={t.pool} name="pool" problem={at_("pool")}>
          {(wired) => (
            <select {...wired} value={values.pool} onChange={(event) => change({ pool: event.target.value })}>
              {(pools.data?.items ?? []).map((one) => <option key={one.id}>{one.id}</option>)}
            </select>
          )}
        </Field>
        {answer.server ? (
          <p className="ap-subtle">{t.adopt}</p>
        ) : (
          <Field label={t.mode} name="observe_only" problem={at_("observe_only")}>
            {(wired) => (
              <select {...wired} value={only ? "only" : "operate"}
                onChange={(event) => setOnly(event.target.value === "only")}>
                <option value="only">{t.only}</option>
                <option value="operate">{t.operate}</option>
              </select>
            )}
          </Field>
        )}
      </div>
    </>
  );

  const ended = done && (
    <div className="ap-call ap-call--ok" role="status">
      <Icon name="ok" tone="ok" />
      <div className="ap-stack">
        <p className="ap-strong">{done.server !== undefined ? t.adopted(done.server) : t.done(done.hosts ?? 0)}</p>
        <p className="ap-row ap-row--wrap">
          <Link className="ap-button ap-button--main" href={done.server === undefined ? "/hosts" : "/servers"}>
            {done.server === undefined ? t.toHosts : t.toServers}
          </Link>
          <Link className="ap-button" href="/policies/new">{t.toRule}</Link>
          <button type="button" className="ap-button" onClick={again}>{t.again}</button>
        </p>
      </div>
    </div>
  );

  return (
    <Wizard
      title={t.title} lead={t.lead} role="administrator" at={at} busy={busy} whole={whole}
      problem={field ? null : problem}
      asked={at === 3 ? [] : asked}
      onNext={() => void next()}
      onBack={() => {
        setProblem(null);
        setAt(at - 1);
      }}
      steps={[
        { title: t.steps.address, body: address, next: t.look },
        { title: t.steps.confirm, body: confirm, blocked: !safe },
        { title: t.steps.account, body: account, next: t.add, blocked: keyless },
        { title: t.steps.done, body: ended, next: null },
      ]}
    />
  );
}
