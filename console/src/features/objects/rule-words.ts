import type { Policy } from "../../api/types";
import { bilingual } from "../../i18n";
import { span } from "../../i18n/format";

type Keys<T> = T extends unknown ? keyof T : never;
/** The settings of all kinds of rules: one without a name here is no valid program. */
type Setting = Exclude<Keys<Policy["rule"]>, "kind">;

const EN = {
  after_s: "Replaced after", agent_quiet_s: "No traffic of such a VM for", agent_silent_s: "Agent in the guest silent for",
  agent_vms: "Agents asked of", at_once: "Moves at one time", avoid: "Kept away from them", best_effort: "Tried once only",
  cold_s: "Waits after a start of the manager", cool_down_s: "Rest between plans", cpu: "Weight of CPU",
  dark_percent: "Not while more are silent than", disk: "Weight of disk", domain: "Counted by", failures: "Failures to survive",
  fence: "Switches silent hosts off", fences_percent: "Switched off at most", fences_within_s: "Within", guest_resets: "Resets in an hour",
  guest_silent_s: "Guest silent for", high_percent: "Busy from", hold_s: "Must last for", hosts: "Hosts", in_place: "Starts where it was",
  keep: "Never switched off", level: "Level", lookback_s: "Loads of the last", low_percent: "Idle below", margin_percent: "Improvement of at least",
  maximum: "VMs at most", memory: "Weight of memory", memory_percent: "Memory kept free", minimum: "At least", most_a_day: "Plans in a day at most",
  network: "Weight of network", pack: "Packed on few hosts", power_every_s: "BMC asked every", prefix: "Tags that begin with", priority: "Priority",
  profiles: "Profiles to choose from", proven_days: "Seen to wake in the last days", renew: "Waking is proven anew",
  reserve: "Empty hosts in reserve", silent_s: "Silent for", sockets: "Sockets at most", source: "From", store_lost_s: "Datastore out of sight for",
  target: "To", threshold_percent: "Imbalance above", tries: "Starts in all", turn_s: "Lower priorities wait", up: "All awake within",
  vcpus_percent: "vCPUs kept free", window: "Begins by itself within",
} satisfies Record<Setting, string>;

const DE: Record<Setting, string> = {
  after_s: "Ersetzt nach", agent_quiet_s: "Kein Verkehr der VM seit", agent_silent_s: "Agent im Gast schweigt seit",
  agent_vms: "Agenten gefragt von", at_once: "Umzüge zugleich", avoid: "Von ihnen ferngehalten", best_effort: "Nur einmal versucht",
  cold_s: "Wartet nach Start des Managers", cool_down_s: "Pause zwischen Plänen", cpu: "Gewicht der CPU",
  dark_percent: "Nicht, solange mehr schweigen als", disk: "Gewicht der Platten", domain: "Gezählt nach", failures: "Ausfälle zu überstehen",
  fence: "Schaltet stumme Hosts aus", fences_percent: "Höchstens ausgeschaltet", fences_within_s: "Innerhalb von", guest_resets: "Resets je Stunde",
  guest_silent_s: "Gast schweigt seit", high_percent: "Ausgelastet ab", hold_s: "Muss andauern", hosts: "Hosts", in_place: "Starts am alten Ort",
  keep: "Nie ausgeschaltet", level: "Stufe", lookback_s: "Last der letzten", low_percent: "Wenig los unter",
  margin_percent: "Verbesserung von mindestens", maximum: "VMs höchstens", memory: "Gewicht des Speichers",
  memory_percent: "Speicher frei gehalten", minimum: "Mindestens", most_a_day: "Pläne am Tag höchstens", network: "Gewicht des Netzes",
  pack: "Auf wenige Hosts gepackt", power_every_s: "BMC gefragt alle", prefix: "Tags, die beginnen mit", priority: "Vorrang",
  profiles: "Profile zur Wahl", proven_days: "Geweckt gesehen in den letzten Tagen", renew: "Wecken wird neu bewiesen",
  reserve: "Leere Hosts als Reserve", silent_s: "Schweigt seit", sockets: "Sockel höchstens", source: "Von",
  store_lost_s: "Speicher außer Sicht seit", target: "Nach", threshold_percent: "Ungleichheit über", tries: "Starts insgesamt",
  turn_s: "Niedere Vorränge warten", up: "Alle wach innerhalb", vcpus_percent: "vCPUs frei gehalten", window: "Beginnt von selbst innerhalb",
};

export const names = bilingual(EN, DE);

/** Return the settings of a rule in words and with units; what is empty is left out. */
export function settings(rule: Policy["rule"], of: Record<Setting, string>, yes: string, no: string): (readonly [string, string])[] {
  const set = Object.entries(rule).filter(([name, value]) => name !== "kind" && value !== "" && value !== null && value !== undefined);
  return set.map(([name, value]) => [of[name as Setting] ?? name.replace(/_/g, " "), said(name, value, yes, no)] as const);
}

function said(name: string, value: unknown, yes: string, no: string): string {
  if (typeof value === "boolean") return value ? yes : no;
  if (typeof value !== "number") return String(value);
  if (name.endsWith("_percent")) return `${value} %`;
  return name.endsWith("_s") && value > 0 ? span(value) : String(value);
}
