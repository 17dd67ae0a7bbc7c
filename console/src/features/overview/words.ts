import { bilingual } from "../../i18n";

export const words = bilingual(
  {
    headline: (hosts: string, vms: string) => `${hosts} hosts, ${vms} VMs`,
    calm: "Everything answers.",
    off: (n: number) => `Everything that is on answers; ${n === 1 ? "1 host is" : `${n} hosts are`} off.`,
    silent: (n: number) => (n === 1 ? "1 host does not answer" : `${n} hosts do not answer`),
    none: "There are no hosts yet. Add one: anypool host add URI",
    unknown: (n: number) =>
      n === 1 ? "1 VM is unknown: its host does not answer" : `${n} VMs are unknown: their hosts do not answer`,
    memoryOf: (name: string) => `memory of ${name}`,
    free: (free: string, all: string) => `${free} free of ${all}`,
    vms: (n: number) => (n === 1 ? "1 VM" : `${n} VMs`),
    up: "up",
    isOff: "off",
    maintenance: "maintenance",
    noAnswer: "no answer",
  },
  {
    headline: (hosts: string, vms: string) => `${hosts} Hosts, ${vms} VMs`,
    calm: "Alles antwortet.",
    off: (n: number) => `Alles, was an ist, antwortet; ${n === 1 ? "1 Host ist" : `${n} Hosts sind`} aus.`,
    silent: (n: number) => (n === 1 ? "1 Host antwortet nicht" : `${n} Hosts antworten nicht`),
    none: "Noch gibt es keine Hosts. Fügen Sie einen hinzu: anypool host add URI",
    unknown: (n: number) =>
      n === 1
        ? "Von 1 VM weiß man nichts: Ihr Host antwortet nicht"
        : `Von ${n} VMs weiß man nichts: Ihre Hosts antworten nicht`,
    memoryOf: (name: string) => `Speicher von ${name}`,
    free: (free: string, all: string) => `${free} frei von ${all}`,
    vms: (n: number) => (n === 1 ? "1 VM" : `${n} VMs`),
    up: "an",
    isOff: "aus",
    maintenance: "Wartung",
    noAnswer: "keine Antwort",
  },
);
