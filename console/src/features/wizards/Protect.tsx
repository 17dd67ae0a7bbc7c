/** A VM is protected: its host guarded, and when it comes back. */
import { useRef, useState } from "react";
import { Link, useParams } from "wouter";
import { newKey, send } from "../../api/client";
import type { Problem } from "../../api/problem";
import { queries, useRead } from "../../api/queries";
import type { Host, Policy, Vm, VmHa } from "../../api/types";
import { useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { addPolicy, type Asked } from "./deed";
import { words } from "./deedwords";
import { Field } from "./Field";
import { asProblem } from "./usePlanned";
import { Wizard } from "./Wizard";

interface HaOfHost {
  readonly standing: { readonly policy: string } | null;
}

/** A rule's name made of a VM's: small letters, digits and dashes. */
function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40) || "vm";
}

export default function Protect() {
  const t = useWords(words).protect;
  const { key = "" } = useParams<{ key?: string }>();
  const path = `/vms/${encodeURIComponent(key)}`;
  const vm = useRead<Vm>(path);
  const state = useRead<VmHa>(`${path}/ha`);
  const where = encodeURIComponent(vm.data?.host ?? "");
  const host = useRead<Host>(`/hosts/${where}`, {}, { enabled: where !== "" });
  const guard = useRead<HaOfHost>(`/hosts/${where}/ha`, {}, { enabled: where !== "" });
  const [level, setLevel] = useState("automatic");
  const [priority, setPriority] = useState("high");
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState(false);
  // A key for each rule: sent again after a lost answer, it is added once.
  const once = useRef(new Map<string, string>());
  const failed = vm.error ?? state.error;
  if (failed) return <ProblemBox problem={failed} again={() => void vm.refetch()} />;
  if (!vm.data || !state.data || (where && !(host.data && guard.data))) return <Waiting />;
  const pool = host.data?.pool ?? "default";
  const guarded = (guard.data?.standing ?? null) !== null;
  const name = vm.data.name;
  const asked: readonly Asked[] = [
    ...(guarded ? [] : [addPolicy({ name: `guard-${slug(pool)}`, scope: `pool = "${pool}"`, rule: { kind: "ha", level }, should: false })]),
    addPolicy({ name: `restart-${slug(name)}`, scope: `id = "${vm.data.id}"`, rule: { kind: "restart", priority }, should: false }),
  ];

  async function next(): Promise<void> {
    setProblem(null);
    if (at < 2) return setAt(at + 1);
    setBusy(true);
    try {
      for (const { call } of asked) {
        const wish = JSON.stringify(call.body);
        if (!once.current.has(wish)) once.current.set(wish, newKey());
        await send<Policy>("POST", call.path, { body: call.body, once: once.current.get(wish) ?? newKey() });
      }
      setDone(true);
      await queries.invalidateQueries();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }

  const how = t.states[state.data.protection as keyof typeof t.states] ?? state.data.protection;
  return (
    <Wizard
      title={`${t.title}: ${name}`} lead={t.lead} role="administrator" at={at} busy={busy} problem={problem}
      asked={at > 0 && !done ? asked : []}
      onNext={() => void next()}
      onBack={() => {
        setProblem(null);
        setAt(at - 1);
      }}
      steps={[
        {
          title: t.now,
          body: (
            <div className="ap-call">
              <Icon name="shield" />
              <div>
                <p className="ap-strong">{how}</p>
                {state.data.why && <p>{t.why}: {state.data.why}</p>}
              </div>
            </div>
          ),
        },
        {
          title: t.how,
          body: (
            <>
              {!guarded && (
                <>
                  <p className="ap-warn">{t.unguarded(pool)}</p>
                  <Field label={t.level} name="level">
                    {(wired) => (
                      <select {...wired} value={level} onChange={(event) => setLevel(event.target.value)}>
                        {Object.entries(t.levels).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
                      </select>
                    )}
                  </Field>
                </>
              )}
              <Field label={t.priority} name="priority">
                {(wired) => (
                  <select {...wired} value={priority} onChange={(event) => setPriority(event.target.value)}>
                    {Object.entries(t.priorities).map(([value, text]) => <option key={value} value={value}>{text}</option>)}
                  </select>
                )}
              </Field>
            </>
          ),
        },
        {
          title: t.check,
          next: done ? null : t.add,
          body: done ? (
            <div className="ap-call ap-call--ok" role="status">
              <Icon name="ok" tone="ok" />
              <div className="ap-stack">
                <p className="ap-strong">{t.done(name)}</p>
                <p>{how}{state.data.why && `: ${state.data.why}`}</p>
                <p><Link href="/policies" className="ap-button">{t.toPolicies}</Link></p>
              </div>
            </div>
          ) : (
            <>
              <p>{t.bound}</p>
              <ul>
                {asked.map((one) => <li key={String(one.call.body?.name)}><code>{String(one.call.body?.name)}</code>: {String(one.call.body?.scope)}</li>)}
              </ul>
            </>
          ),
        },
      ]}
    />
  );
}
