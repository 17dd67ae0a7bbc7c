import { bilingual } from "../../i18n";

const binding = (vms: number, hosts: number) => `VMs: ${vms}, hosts: ${hosts}.`;

export const bulkWords = bilingual(
  {
    tag: "Tag", newTag: "Tag to add",
    powerOn: "Switch on", powerOff: "Switch off",
    powers: { on: "on", off: "off" },
    powerOf: (now: string) => (now === "on" || now === "off" ? now : "of unknown power"),
    adopt: "Adopt", adopted: "adopted",
    adopting: "Is only looked at; would be ours: it may be switched, and profiles may come to it.",
    makeSpare: "Make spares", noSpare: "No spares any more",
    spares: (is: boolean) => (is ? "a spare" : "no spare"),
    run: "Approve and run", approve: "Approve", reject: "Reject",
    pause: "Pause", continue: "Continue", cancel: "Cancel",
    steered: {
      pause: "What runs ends; nothing new begins.",
      continue: "The next steps begin.",
      cancel: "Nothing new begins; migrations that run are called back.",
    },
    steps: (done: number, all: number, then: string) => `${done} of ${all} steps are done. ${then}`,
    enable: "Switch on", disable: "Switch off",
    enabled: (is: boolean) => (is ? "on" : "off"),
    binds: (vms: number, hosts: number) => `Bound by it: ${binding(vms, hosts)}`,
    isSo: (how: string) => `Is ${how} already.`,
    wouldBe: (now: string, then: string) => `Is ${now}; would be ${then}.`,
  },
  {
    tag: "Tag", newTag: "Neues Tag",
    powerOn: "Einschalten", powerOff: "Ausschalten",
    powers: { on: "an", off: "aus" },
    powerOf: (now: string) => (now === "on" ? "an" : now === "off" ? "aus" : "von unbekanntem Zustand"),
    adopt: "Übernehmen", adopted: "übernommen",
    adopting: "Wird nur angesehen; wäre dann unserer: Er darf geschaltet werden, und Profile dürfen zu ihm.",
    makeSpare: "Zur Reserve machen", noSpare: "Keine Reserve mehr",
    spares: (is: boolean) => (is ? "Reserve" : "keine Reserve"),
    run: "Freigeben und ausführen", approve: "Freigeben", reject: "Ablehnen",
    pause: "Anhalten", continue: "Fortsetzen", cancel: "Abbrechen",
    steered: {
      pause: "Was läuft, endet; Neues beginnt nicht.",
      continue: "Die nächsten Schritte beginnen.",
      cancel: "Neues beginnt nicht; laufende Migrationen werden zurückgerufen.",
    },
    steps: (done: number, all: number, then: string) => `${done} von ${all} Schritten sind getan. ${then}`,
    enable: "Einschalten", disable: "Ausschalten",
    enabled: (is: boolean) => (is ? "an" : "aus"),
    binds: (vms: number, hosts: number) => `Daran gebunden: ${binding(vms, hosts)}`,
    isSo: (how: string) => `Ist schon ${how}.`,
    wouldBe: (now: string, then: string) => `Ist ${now}; wäre dann ${then}.`,
  },
);

export type BulkWords = typeof bulkWords.en;
