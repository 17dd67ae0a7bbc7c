import assert from "node:assert/strict";
import { test } from "node:test";
import { addEndpoint, addPolicy, command, concerned, createVm, curl, declareCalendar, quoted, typed, withUser } from "./deed";

test("words are quoted as a shell reads them back", () => {
  assert.equal(quoted("web-1"), "web-1");
  assert.equal(quoted("--memory=4 GiB"), "--memory='4 GiB'");
  assert.equal(quoted(""), "''");
  assert.equal(quoted("tag = prod"), "'tag = prod'");
  assert.equal(quoted("it's $HOME `id`"), `'it'"'"'s $HOME \`id\`'`);
});

test("an address gets its user once, and what is odd in it is written so that it stays one", () => {
  assert.equal(withUser("qemu+ssh://h1/system", "root"), "qemu+ssh://root@h1/system");
  assert.equal(withUser("qemu+ssh://me@h1:2222/system?x=1", "root"), "qemu+ssh://root@h1:2222/system?x=1");
  assert.equal(withUser("vsphere://vc/", "administrator@vsphere.local"), "vsphere://administrator%40vsphere.local@vc/");
  assert.equal(withUser("qemu:///system", "root"), "qemu:///system");
  assert.equal(withUser("sim://demo?hosts=3", ""), "sim://demo?hosts=3");
});

test("a password is in the call and never in the command", () => {
  const asked = addEndpoint({ uri: "vsphere://vc/", user: "me", name: "", pool: "default", certificate: "ab", observeOnly: true, password: "s3cret" });
  assert.equal(asked.call.body?.password, "s3cret");
  assert.equal(command(asked.words), "anypool host add vsphere://me@vc/ --option=fingerprint=ab --observe-only");
});

test("what begins with a dash is no option", () => {
  const asked = createVm({ name: "-x", image: "web", count: 1, vcpus: 1, memory: "", disk: "", networks: [], host: "", tags: [], start: true });
  assert.equal(command(asked.words), "anypool vm create --image=web -- -x");
});

test("a rule's details are options", () => {
  const asked = addPolicy({ name: "two", scope: "tag = db", rule: { kind: "apart", domain: "host" }, should: true });
  assert.equal(command(asked.words), "anypool policy add --domain=host --should two apart 'tag = db'");
  assert.equal(
    curl(asked.call, "HERE"),
    'curl -X POST \\\n  -H "Authorization: Bearer $ANYPOOL_TOKEN" \\\n  -H \'Content-Type: application/json\' \\\n  -d \'{"name":"two","scope":"tag = db","rule":{"kind":"apart","domain":"host"},"strength":"should"}\' \\\n  HERE/api/v1/policies',
  );
});

test("a refusal is shown at the field it is about", () => {
  const values = { name: "web", memory: "1 GiB", networks: "" };
  assert.equal(concerned({ message: "invalid", errors: [{ field: "data.memory" }] }, values), "memory");
  assert.equal(concerned({ message: "there is a VM called web", errors: [] }, values), "name");
  assert.equal(concerned({ message: "the pool has several networks", errors: [] }, values), "networks");
  assert.equal(concerned({ message: "no host has room", errors: [] }, values), "");
});

test("a declaration is what the command reads, and nothing in it ends that early", () => {
  const asked = declareCalendar({
    name: "blades", servers: "tag = swing", zone: "Europe/Berlin", description: "\nEND\n", level: "manual", enabled: true, waive: false, otherwise: "",
    purposes: [{ name: "day", profiles: ["web1"], services: [], hosts: false }], spans: [], exceptions: [], onLoad: null,
  });
  const lines = typed(asked).split("\n");
  assert.equal(lines[0], "anypool calendar apply /dev/stdin <<'END'");
  assert.equal(lines.indexOf("END"), lines.length - 1);
  assert.deepEqual(JSON.parse(lines.slice(1, -1).join("\n")), asked.call.body);
  assert.deepEqual(asked.call.body?.purposes, [{ name: "day", profiles: ["web1"] }]);
});
