/** What somebody takes out of a plan: a VM that stays, a host that nothing comes to; or a rule for good. */
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { newKey, send } from "../../api/client";
import { useLive } from "../../api/live";
import { Problem } from "../../api/problem";
import { useMay } from "../../api/session";
import type { Picture, Plan, Policy, Step } from "../../api/types";
import { useWords } from "../../i18n";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { words } from "./words";

export interface Out {
  readonly kind: "vm" | "host";
  readonly id: string;
  readonly name: string;
}

/** VMs and hosts that a step is about, by the names that the picture of the plan knows. */
export function concerned(step: Step, picture: Picture | undefined): Out[] {
  const action = step.action as { vm?: string; wish?: { id?: string; name?: string }; source?: string; target?: string; host?: string };
  const hosts = new Map((picture?.hosts ?? []).map((one) => [one.host, one.name]));
  const parts = (picture?.hosts ?? []).flatMap((one) => [...one.before.parts, ...one.after.parts]);
  const vm = action.vm ?? action.wish?.id;
  const found: Out[] = [];
  if (vm) found.push({ kind: "vm", id: vm, name: parts.find((one) => one.vm === vm)?.name ?? action.wish?.name ?? vm });
  for (const host of new Set([action.target, action.host].filter((one) => one !== undefined))) {
    const name = hosts.get(host);
    if (name) found.push({ kind: "host", id: host, name });
  }
  return found;
}

/** Whether a plan may still be changed for another. */
export function isOpen(plan: Plan): boolean {
  return plan.state === "recommended" || plan.state === "approved";
}

interface Props {
  readonly plan: Plan;
  readonly out: readonly Out[];
  readonly change: (out: readonly Out[]) => void;
}

/** What is taken out so far, and the plan made again without it. */
export function TakenOut({ plan, out, change }: Props) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const [, go] = useLocation();
  const once = useRef({ about: "", key: "" });
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  if (!out.length) return null;
  async function remake(): Promise<void> {
    const body = {
      without_vms: out.filter((one) => one.kind === "vm").map((one) => one.id),
      without_hosts: out.filter((one) => one.kind === "host").map((one) => one.id),
    };
    const about = JSON.stringify(body);
    if (once.current.about !== about) once.current = { about, key: newKey() };
    setBusy(true);
    setProblem(null);
    try {
      const made = await send<Plan>("POST", `/plans/${plan.id}/remake`, { body, once: once.current.key });
      change([]);
      go(`/plans/${made.id}?beside=${plan.id}`);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, { detail: String(error) }));
    } finally {
      setBusy(false);
    }
  }
  return (
    <section className="ap-call ap-call--plan ap-takenout" aria-label={t.takenOut}>
      <span className="ap-strong">{t.takenOut}</span>
      <ul className="ap-takenout__list">
        {out.map((one) => (
          <li key={one.id} className="ap-tag">
            <Icon name={one.kind === "vm" ? "vm" : "cluster"} /> {one.name}{" "}
            <button
              type="button"
              className="ap-button ap-button--link"
              aria-label={t.putBackIn(one.name)}
              onClick={() => change(out.filter((other) => other.id !== one.id))}
            >
              <Icon name="times" />
            </button>
          </li>
        ))}
      </ul>
      <span className="ap-grow ap-subtle">{t.oldStays}</span>
      <button type="button" className="ap-button ap-button--main" disabled={!live || busy} onClick={() => void remake()}>
        <Icon name="route" /> {busy ? t.remaking : t.remake}
      </button>
      {problem && <Refused problem={problem} />}
    </section>
  );
}

/** Why there is no plan without it, candidate by candidate. */
function Refused({ problem }: { problem: Problem }) {
  const against = Object.entries(problem.refusals);
  return (
    <div className="ap-takenout__problem">
      <ProblemBox problem={problem} />
      <ul className="ap-refused">
        {against.slice(0, 8).map(([who, why]) => (
          <li key={who}>
            <Icon name="ban" /> <span className="ap-strong">{who}</span> <span className="ap-subtle">{String(why)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface StepOutProps {
  readonly plan: Plan;
  readonly step: Step;
  readonly picture: Picture | undefined;
  readonly out: readonly Out[];
  readonly change: (out: readonly Out[]) => void;
}

/** In the panel of a step: leave its VM or host out of the plan, or never move the VM again. */
export function StepOut({ plan, step, picture, out, change }: StepOutProps) {
  const t = useWords(words);
  const may = useMay("operator");
  const mayRule = useMay("administrator");
  const [ruling, setRuling] = useState(false);
  if (!isOpen(plan) || !may) return null;
  const about = concerned(step, picture).filter((one) => !out.some((other) => other.id === one.id));
  const vm = concerned(step, picture).find((one) => one.kind === "vm");
  const moves = (step.action as { type?: string }).type === "migrate-vm";
  if (!about.length && !vm) return null;
  return (
    <div className="ap-steppanel__part">
      <h3>{t.leaveOut}</h3>
      <div className="ap-row ap-row--wrap">
        {about.map((one) => (
          <button key={one.id} type="button" className="ap-button" onClick={() => change([...out, one])}>
            <Icon name="minus" /> {one.kind === "vm" ? t.withoutVm(one.name) : t.withoutHost(one.name)}
          </button>
        ))}
        {vm && moves && mayRule && !ruling && (
          <button type="button" className="ap-button" onClick={() => setRuling(true)}>
            <Icon name="lock" /> {t.neverMove}
          </button>
        )}
      </div>
      {vm && ruling && (
        <NeverMove
          vm={vm}
          done={() => {
            setRuling(false);
            change(out.some((one) => one.id === vm.id) ? out : [...out, vm]);
          }}
          leave={() => setRuling(false)}
        />
      )}
    </div>
  );
}

/** A rule that pins a VM, said before it is made. */
function NeverMove({ vm, done, leave }: { vm: Out; done: () => void; leave: () => void }) {
  const t = useWords(words);
  const once = useRef(newKey());
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const name = `never-move-${vm.name}`.replace(/[^A-Za-z0-9._-]/g, "-").slice(0, 60);
  async function make(): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      const body = { name, scope: `id = ${written(vm.id)}`, rule: { kind: "pinned" }, description: t.neverMoveWhy(vm.name) };
      await send<Policy>("POST", "/policies", { body, once: once.current });
      done();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, { detail: String(error) }));
      setBusy(false);
    }
  }
  return (
    <div className="ap-stack">
      <p>{t.neverMoveIs(vm.name, name)}</p>
      <div className="ap-row">
        <button type="button" className="ap-button ap-button--main" disabled={busy} onClick={() => void make()}>
          {t.makeRule}
        </button>
        <button type="button" className="ap-button" onClick={leave}>
          {t.leaveIt}
        </button>
      </div>
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}
