/** A calendar while somebody writes it: all texts, as the fields hold them. */
import type { Calendar } from "../../api/types";
import type { CalendarValues } from "../wizards/deed";

export interface Draft {
  readonly name: string;
  readonly servers: string;
  readonly zone: string;
  readonly description: string;
  readonly purposes: readonly { readonly name: string; readonly profiles: string; readonly services: string; readonly hosts: boolean }[];
  readonly spans: readonly { readonly purpose: string; readonly when: string }[];
  readonly otherwise: string;
  readonly exceptions: readonly { readonly purpose: string; readonly when: string; readonly words: string }[];
  readonly loads: boolean;
  readonly loadHosts: string;
  readonly come: string;
  readonly yields: string;
  readonly above: string;
  readonly below: string;
  /** What else there is of the rule on load: it stays as it was. */
  readonly rest: Readonly<Record<string, unknown>>;
  readonly level: string;
  readonly enabled: boolean;
  readonly waive: boolean;
}

export function emptyDraft(zone: string): Draft {
  return {
    name: "", servers: "", zone, description: "",
    purposes: [{ name: "", profiles: "", services: "", hosts: false }],
    spans: [{ purpose: "", when: "" }],
    otherwise: "", exceptions: [],
    loads: false, loadHosts: "", come: "", yields: "", above: "75", below: "40", rest: {},
    level: "manual", enabled: true, waive: false,
  };
}

export function draftOf(one: Calendar): Draft {
  const { hosts = "", profiles = [], yields = [], above_percent: above = 75, below_percent: below = 40, ...rest } = one.on_load ?? {};
  return {
    name: one.id, servers: one.servers, zone: one.zone, description: one.description,
    purposes: one.purposes.map((purpose) => ({
      name: purpose.name,
      profiles: (purpose.profiles ?? []).join(", "),
      services: (purpose.services ?? []).join(", "),
      hosts: purpose.hosts ?? false,
    })),
    spans: one.spans.map(({ purpose, when }) => ({ purpose, when })),
    otherwise: one.otherwise,
    exceptions: one.exceptions.map(({ purpose, when, words = "" }) => ({ purpose, when, words })),
    loads: one.on_load !== null, loadHosts: hosts, come: profiles.join(", "), yields: yields.join(", "),
    above: String(above), below: String(below), rest,
    level: one.level, enabled: one.enabled, waive: one.waive,
  };
}

/** Names between commas. */
export function namesIn(text: string): string[] {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}

export function valuesOf(draft: Draft): CalendarValues {
  const { loads, loadHosts, come, yields, above, below, rest } = draft;
  const given = namesIn(yields);
  return {
    name: draft.name, servers: draft.servers.trim(), zone: draft.zone.trim(), description: draft.description,
    purposes: draft.purposes.map((one) => ({
      name: one.name.trim(), profiles: namesIn(one.profiles), services: namesIn(one.services), hosts: one.hosts,
    })),
    spans: draft.spans.filter((one) => one.when.trim() !== ""),
    otherwise: draft.otherwise,
    exceptions: draft.exceptions.filter((one) => one.when.trim() !== ""),
    onLoad: loads
      ? { ...rest, hosts: loadHosts, profiles: namesIn(come), ...(given.length > 0 && { yields: given }), above_percent: Number(above) || 0, below_percent: Number(below) || 0 }
      : null,
    level: draft.level, enabled: draft.enabled, waive: draft.waive,
  };
}
