/** How the copy is at a moment: who is where, how full hosts are, what was done; from plain data. */
import type { Failure, Host, Rehearsal } from "../../api/types";
import type { Started } from "../../pictures/lanes";

type Moments = Rehearsal["moments"];

const LANES: Readonly<Record<string, string>> = {
  fails: "incident",
  saw: "observation",
  decided: "decision",
  proven: "proof",
  planned: "plan",
  stopped: "event",
  down: "event",
};

/** Where each VM that had to start again runs by then: host by VM. */
export function startedBy(moments: Moments, at: number): ReadonlyMap<string, { readonly host: string; readonly at: number }> {
  const found = new Map<string, { host: string; at: number }>();
  for (const one of moments) if (one.runs_on && one.at_s <= at) found.set(one.vm, { host: one.runs_on, at: one.at_s });
  return found;
}

/** The pool's hosts as they are on the copy. */
export function hostsAt(played: Rehearsal, hosts: readonly Host[], at: number): Host[] {
  const memory = new Map(played.vms.map((one) => [one.id, one.memory_mib]));
  const more = new Map<string, number>();
  for (const [vm, { host }] of startedBy(played.moments, at)) more.set(host, (more.get(host) ?? 0) + (memory.get(vm) ?? 0));
  const known = new Map(played.hosts.map((one) => [one.id, one]));
  return hosts.map((one) => {
    const copy = known.get(one.id);
    if (!copy) return one;
    const free = copy.memory_mib - copy.held_mib - (more.get(one.id) ?? 0);
    return { ...one, memory_free_mib: free, ...(copy.dies && { state: "unknown" }) };
  });
}

export function takesAt(played: Rehearsal, at: number): ReadonlyMap<string, number> {
  const names = new Map(played.hosts.map((one) => [one.id, one.name]));
  const found = new Map<string, number>();
  for (const { host } of startedBy(played.moments, at).values()) {
    const name = names.get(host) ?? host;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

/** The same failures as places only: nothing on the copy is marked as not covered. */
export function places(failures: readonly Failure[]): Failure[] {
  return failures.map((one) => ({ ...one, lost: 0 }));
}

export function marks(moments: Moments): { readonly at: number; readonly what: string; readonly message: string }[] {
  return moments.flatMap((one) => {
    const what = LANES[one.what];
    return what ? [{ at: one.at_s, what, message: one.text }] : [];
  });
}

/** Steps as they were run on the copy. */
export function spans(moments: Moments, upTo: number): Started[] {
  const ends = new Map<string, number>();
  for (const one of moments) if (one.what === "ends" || one.what === "stopped") ends.set(`${one.plan} ${one.step}`, one.at_s);
  return moments.flatMap((one) => {
    if (one.what !== "begins" || one.at_s > upTo) return [];
    const end = ends.get(`${one.plan} ${one.step}`) ?? upTo;
    return [{ name: one.text, began: one.at_s, ended: Math.min(end, upTo), planned_s: end - one.at_s }];
  });
}
