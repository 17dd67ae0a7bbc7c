/** What can be done to several at once, for kinds that have no plans to ask for: each is seen first. */
import { exchange, get, send } from "../../api/client";
import { queries } from "../../api/queries";
import type { OperationRow, Plan, PlanRow, Policy, Profile, Server } from "../../api/types";
import type { Bulk } from "../../table/BulkBar";
import type { Deed } from "../../ui/Deeds";
import { retag } from "../../ui/Tags";
import type { BulkWords } from "./bulkwords";

const one = (list: string, key: string): string => `${list}/${encodeURIComponent(key)}`;

async function read(list: string): Promise<void> {
  await queries.invalidateQueries({ predicate: (query) => String(query.queryKey[0]).startsWith(list) });
}

/** Give a tag to each. */
export function tagging<T>(t: BulkWords, list: string): Bulk<T> {
  return {
    key: "tag",
    label: t.tag,
    icon: "tag",
    deed: {
      path: "",
      asks: [{ field: "tag", label: t.newTag }],
      perform: (key, given) => retag(one(list, key), (tags) => [...tags, (given.tag ?? "").trim()]),
    },
  };
}

/** A change of our own record, which is refused if it changed since it was seen. */
function patched<T>(list: string, body: Readonly<Record<string, unknown>>, says: (now: T) => string): Deed {
  const seen = new Map<string, string>();
  return {
    path: "",
    look: async (key) => {
      const answer = await exchange<T>("GET", one(list, key));
      seen.set(key, answer.etag);
      return says(answer.body);
    },
    perform: async (key) => {
      const ifMatch = seen.get(key);
      await send("PATCH", one(list, key), { body, ...(ifMatch && { ifMatch }) });
      await read(list);
    },
  };
}

export function serverBulk(t: BulkWords): readonly Bulk<Server>[] {
  const power = (to: "on" | "off"): Deed => ({
    path: "",
    danger: to === "off",
    look: async (key) => {
      const query = { dry_run: true };
      const now = await send<Server>("POST", `${one("/servers", key)}/power`, { body: { to }, query, once: "" });
      return now.power === to ? t.isSo(t.powers[to]) : t.wouldBe(t.powerOf(now.power), t.powers[to]);
    },
    perform: async (key, _, once) => {
      await send("POST", `${one("/servers", key)}/power`, { body: { to }, once });
      await read("/servers");
    },
  });
  const spare = (wanted: boolean): Deed =>
    patched<Server>("/servers", { spare: wanted }, (now) =>
      now.spare === wanted ? t.isSo(t.spares(wanted)) : t.wouldBe(t.spares(now.spare), t.spares(wanted)));
  return [
    { key: "on", label: t.powerOn, icon: "play", deed: power("on") },
    { key: "off", label: t.powerOff, icon: "power", deed: power("off") },
    {
      key: "adopt", label: t.adopt, icon: "check",
      deed: patched<Server>("/servers", { adoption: "adopted" }, (now) =>
        now.adoption === "adopted" ? t.isSo(t.adopted) : t.adopting),
    },
    { key: "spare", label: t.makeSpare, icon: "shield", deed: spare(true) },
    { key: "no-spare", label: t.noSpare, icon: "times", deed: spare(false) },
    tagging<Server>(t, "/servers"),
  ];
}

export function profileBulk(t: BulkWords): readonly Bulk<Profile>[] {
  return [tagging<Profile>(t, "/profiles")];
}

/** A plan is seen whole before it is decided. */
export function planBulk(t: BulkWords): readonly Bulk<PlanRow>[] {
  const decided = (how: string): Deed => ({
    path: "",
    look: (key) => get<Plan>(one("/plans", key)),
    perform: async (key, _, once) => {
      await send("POST", `${one("/plans", key)}/${how}`, { once });
      await Promise.all([read("/plans"), read("/operations")]);
    },
  });
  return [
    { key: "run", label: t.run, icon: "play", deed: decided("run") },
    { key: "approve", label: t.approve, icon: "check", deed: decided("approve") },
    { key: "reject", label: t.reject, icon: "times", deed: { ...decided("reject"), danger: true } },
  ];
}

export function operationBulk(t: BulkWords): readonly Bulk<OperationRow>[] {
  const steered = (how: "pause" | "continue" | "cancel"): Deed => ({
    path: "",
    danger: how === "cancel",
    look: async (key) => {
      const now = await get<OperationRow>(one("/operations", key));
      return t.steps(now.steps_done, now.steps_total, t.steered[how]);
    },
    perform: async (key, _, once) => {
      await send("POST", `${one("/operations", key)}/${how}`, { once });
      await Promise.all([read("/plans"), read("/operations")]);
    },
  });
  return [
    { key: "pause", label: t.pause, icon: "pause", deed: steered("pause") },
    { key: "continue", label: t.continue, icon: "play", deed: steered("continue") },
    { key: "cancel", label: t.cancel, icon: "times", deed: steered("cancel") },
  ];
}

export function policyBulk(t: BulkWords): readonly Bulk<Policy>[] {
  const switched = (enabled: boolean): Deed =>
    patched<Policy>("/policies", { enabled }, (now) =>
      now.enabled === enabled
        ? t.isSo(t.enabled(enabled))
        : `${t.wouldBe(t.enabled(now.enabled), t.enabled(enabled))} ${t.binds(now.vms, now.hosts)}`);
  return [
    { key: "on", label: t.enable, icon: "check", deed: switched(true) },
    { key: "off", label: t.disable, icon: "ban", deed: switched(false) },
  ];
}
