import assert from "node:assert/strict";
import { test } from "node:test";
import { fit, type BayProfile, type BayServer } from "./bays";

const server: BayServer = {
  id: "s1",
  cpus: 8,
  memory_mib: 1024,
  arch: "x86_64",
  adoption: "adopted",
  host: "",
  bears: "",
  adapters: [{ kind: "ethernet", ports: [1, 2] }],
};
const profile: BayProfile = { server_id: "s2", ports: [{ kind: "ethernet" }], needs: {} };

test("an empty server with enough of everything fits", () => {
  assert.equal(fit(profile, server), "fits");
});

test("what speaks against a bay is said", () => {
  assert.equal(fit({ ...profile, server_id: "s1" }, server), "here");
  assert.equal(fit(profile, { ...server, bears: "other" }), "taken");
  assert.equal(fit(profile, { ...server, host: "h1" }), "host");
  assert.equal(fit({ ...profile, ports: [{ kind: "fc" }] }, server), "ports");
  assert.equal(fit({ ...profile, needs: { memory_mib: 2048 } }, server), "memory");
  assert.equal(fit({ ...profile, needs: { cpus: 16 } }, server), "cpus");
  assert.equal(fit({ ...profile, needs: { arch: "aarch64" } }, server), "arch");
});
