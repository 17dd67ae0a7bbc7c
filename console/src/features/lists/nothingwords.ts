/** What an empty list says: what belongs there, and how the first one comes. */
import { bilingual } from "../../i18n";

/** Where the button leads, and the command that does the same where there is no page for it. */
export const NOTHING = {
  vms: { to: "/vms/new", command: "" },
  hosts: { to: "/endpoints/new", command: "" },
  servers: { to: "", command: "anypool server discover 10.0.0.0/24" },
  profiles: { to: "", command: "anypool profile create web1" },
  datastores: { to: "/endpoints/new", command: "" },
  networks: { to: "/endpoints/new", command: "" },
  images: { to: "", command: "anypool image add web --datastore fast --volume web-1.qcow2" },
  services: { to: "", command: "anypool service apply shop.yaml" },
  pools: { to: "/endpoints/new", command: "" },
  policies: { to: "/policies/new", command: "" },
  plans: { to: "/hosts", command: "" },
  operations: { to: "/plans", command: "" },
  events: { to: "", command: "" },
} as const;

export const nothingWords = bilingual(
  {
    vms: { none: "No VM yet.", next: "Those on your hosts show by themselves. A new one is made of an image.", go: "Create a VM" },
    hosts: { none: "No host yet.", next: "Add a server that runs VMs, or a vCenter: one address is enough, and nothing is changed there.", go: "Add a server" },
    servers: { none: "No physical server yet.", next: "They are found by their BMCs. A range of addresses is searched; nobody logs in there.", go: "" },
    profiles: { none: "No server profile yet.", next: "A profile is what a server is to the network: name, addresses, from where it boots. It can move to a spare.", go: "" },
    datastores: { none: "No storage yet.", next: "Storage comes with the hosts that have it.", go: "Add a server" },
    networks: { none: "No network yet.", next: "Networks come with the hosts that have them.", go: "Add a server" },
    images: { none: "No image yet.", next: "An image is a volume on a datastore that new VMs begin from. It is registered by its file.", go: "" },
    services: { none: "No service yet.", next: "A service is VMs or servers that belong together, started in their order. It is declared in a file.", go: "" },
    pools: { none: "No pool yet.", next: "The first server makes the first pool.", go: "Add a server" },
    policies: { none: "No rule yet.", next: "A rule is kept by every plan: apart, together, on these hosts only, a reserve for failures.", go: "Add a rule" },
    plans: { none: "No plan yet.", next: "Whatever you ask for becomes a plan first, such as emptying a host. Policies make them by themselves.", go: "Choose a host" },
    operations: { none: "Nothing ran yet.", next: "An operation is a plan being carried out. Approve one, and it is here.", go: "Look at the plans" },
    events: { none: "Nothing happened yet.", next: "What anypool and others do to your pool is written here as it happens.", go: "" },
  },
  {
    vms: { none: "Noch keine VM.", next: "Die auf Ihren Hosts erscheinen von selbst. Eine neue entsteht aus einem Image.", go: "VM anlegen" },
    hosts: { none: "Noch kein Host.", next: "Fügen Sie einen Server hinzu, auf dem VMs laufen, oder ein vCenter: Eine Adresse genügt, und dort wird nichts geändert.", go: "Server hinzufügen" },
    servers: { none: "Noch kein physischer Server.", next: "Sie werden an ihren BMCs gefunden. Ein Adressbereich wird abgesucht; niemand meldet sich dort an.", go: "" },
    profiles: { none: "Noch kein Serverprofil.", next: "Ein Profil ist, was ein Server für das Netz ist: Name, Adressen, woher er startet. Es kann auf einen Ersatz ziehen.", go: "" },
    datastores: { none: "Noch kein Speicher.", next: "Speicher kommt mit den Hosts, die ihn haben.", go: "Server hinzufügen" },
    networks: { none: "Noch kein Netz.", next: "Netze kommen mit den Hosts, die sie haben.", go: "Server hinzufügen" },
    images: { none: "Noch kein Image.", next: "Ein Image ist ein Volume auf einem Speicher, aus dem neue VMs entstehen. Es wird mit seiner Datei angemeldet.", go: "" },
    services: { none: "Noch kein Dienst.", next: "Ein Dienst sind VMs oder Server, die zusammengehören und der Reihe nach starten. Er wird in einer Datei erklärt.", go: "" },
    pools: { none: "Noch kein Pool.", next: "Der erste Server macht den ersten Pool.", go: "Server hinzufügen" },
    policies: { none: "Noch keine Regel.", next: "An eine Regel hält sich jeder Plan: getrennt, zusammen, nur auf diesen Hosts, eine Reserve für Ausfälle.", go: "Regel hinzufügen" },
    plans: { none: "Noch kein Plan.", next: "Was Sie wünschen, wird zuerst ein Plan, etwa einen Host zu räumen. Regeln machen auch von selbst welche.", go: "Host wählen" },
    operations: { none: "Noch lief nichts.", next: "Ein Vorgang ist ein Plan, der ausgeführt wird. Geben Sie einen frei, dann steht er hier.", go: "Pläne ansehen" },
    events: { none: "Noch geschah nichts.", next: "Was anypool und andere an Ihrem Pool tun, steht hier, sobald es geschieht.", go: "" },
  },
);
