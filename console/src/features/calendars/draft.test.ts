import assert from "node:assert/strict";
import { test } from "node:test";
import type { Calendar } from "../../api/types";
import { declareCalendar } from "../wizards/deed";
import { draftOf, emptyDraft, namesIn, valuesOf } from "./draft";

const kept = {
  id: "blades", servers: "tag = swing", zone: "Europe/Berlin", description: "of the racks",
  purposes: [{ name: "day", profiles: ["web1", "web2"], services: ["shop"], hosts: true }, { name: "night", profiles: ["report1"], services: [], hosts: false }],
  spans: [{ purpose: "day", when: "mon 06:00 - fri 20:00" }],
  otherwise: "night",
  exceptions: [{ purpose: "", when: "2026-12-25", words: "a feast" }],
  on_load: { hosts: "tag = prod", profiles: ["hv7"], yields: ["report1"], above_percent: 80, below_percent: 30, most_a_day: 2 },
  level: "automatic", enabled: false, waive: true,
} as unknown as Calendar;

test("what is changed in a calendar is changed, and all else of it stays", () => {
  const { body } = declareCalendar(valuesOf({ ...draftOf(kept), description: "" })).call;
  assert.deepEqual(body, {
    name: "blades", servers: "tag = swing", zone: "Europe/Berlin",
    purposes: [{ name: "day", profiles: ["web1", "web2"], services: ["shop"], hosts: true }, { name: "night", profiles: ["report1"] }],
    spans: [{ purpose: "day", when: "mon 06:00 - fri 20:00" }],
    otherwise: "night",
    on_load: { most_a_day: 2, hosts: "tag = prod", profiles: ["hv7"], yields: ["report1"], above_percent: 80, below_percent: 30 },
    exceptions: [{ purpose: "", when: "2026-12-25", words: "a feast" }],
    level: "automatic", enabled: false, waive: true,
  });
});

test("rows that nobody filled in are not sent", () => {
  const values = valuesOf({ ...emptyDraft("UTC"), name: "x", servers: " tag = a " });
  assert.deepEqual([values.spans, values.exceptions, values.onLoad, values.servers], [[], [], null, "tag = a"]);
});

test("names stand between commas", () => {
  assert.deepEqual(namesIn(" web1,web 2 ,, "), ["web1", "web 2"]);
});
