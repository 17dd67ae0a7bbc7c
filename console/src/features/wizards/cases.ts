/** Examples with hard words, for the test that lets the command line program read them. */
import { addEndpoint, addPolicy, adoptServer, assignProfile, command, createVm, declareCalendar, evacuateHost, openSample } from "./deed";

const asked = [
  openSample(),
  addEndpoint({ uri: "qemu+ssh://h1/system", user: "root", name: "h1", pool: "Frankfurt", hostKey: "SHA256:a/b+c", observeOnly: false }),
  addEndpoint({ uri: "vsphere://vc:8443/", user: "administrator@vsphere.local", name: "", pool: "default", certificate: "ab".repeat(32), observeOnly: true }),
  adoptServer({ address: "redfish://10.0.0.9:8443", user: "operator", name: "bx1", pool: "lab", fingerprint: "cd".repeat(32) }),
  createVm({ name: "web", image: "debian-12:3", count: 2, vcpus: 4, memory: "2 GiB", disk: "10GiB", networks: ["prod", "it's $(id)"], host: "h1", tags: ["a b", "-c"], start: false }),
  createVm({ name: "one", image: "web", count: 1, vcpus: 1, memory: "", disk: "", networks: [], host: "", tags: [], start: true }),
  evacuateHost("h 1", "h 1"),
  addPolicy({ name: "db", scope: 'tag = "it\'s"', rule: { kind: "apart", domain: "host" }, should: true }),
  addPolicy({ name: "first", scope: "name = web-*", rule: { kind: "restart", priority: "highest" }, should: false }),
  addPolicy({ name: "guard", scope: "pool = default", rule: { kind: "ha", level: "automatic" }, should: false }),
  addPolicy({ name: "full", scope: "pool = default", rule: { kind: "failover", failures: 1 }, should: false }),
  addPolicy({ name: "room", scope: "", rule: { kind: "headroom", memory_percent: 10 }, should: false }),
  addPolicy({ name: "fast", scope: "tag = db", rule: { kind: "on-hosts", hosts: "tag = fast", avoid: true }, should: false }),
  assignProfile({ profile: "web one", to: "bx1/3", force: true }),
  assignProfile({ profile: "p1", to: "", force: false }),
  declareCalendar({
    name: "blades", servers: "tag = 'it\"s $(id)'", zone: "Europe/Berlin", description: "", level: "manual", enabled: true, waive: false, otherwise: "",
    purposes: [{ name: "day", profiles: ["web 1", "web2"], services: ["shop"], hosts: true }, { name: "night", profiles: [], services: [], hosts: false }],
    spans: [{ purpose: "day", when: "mon 06:00 - fri 20:00" }],
    exceptions: [{ purpose: "", when: "2026-12-25", words: "it's a feast: \nEND\n" }],
    onLoad: { hosts: "", profiles: ["hv7"], above_percent: 80 },
  }),
];

console.log(JSON.stringify(asked.map((one) => ({ call: one.call, command: command(one.words), ...(one.input !== undefined && { input: one.input }) }))));
