/** The event stream: what it names is read again, and the page knows whether it is live.
 *
 * A notice only says that something about an object is new. Notices are gathered, so that a
 * pool with hundreds of changes a second costs one reading a second. The manager gives a sign
 * of life every five seconds; without one in more than twice that time nothing counts as live any more.
 */
import { useSyncExternalStore } from "react";
import { queries } from "./queries";
import * as session from "./session";
import { get } from "./client";
import type { Me } from "./types";

export interface Liveness {
  readonly state: "connecting" | "live" | "stale";
  /** When it began to be so, in ms since 1970. */
  readonly since: number;
}

const SILENCE_MS = 12_000;
const AGAIN_MS = 2_000;
const READ_EVERY_MS = 1_000;
const COUNT_EVERY_MS = 5_000;

/** Which paths show what a notice of this kind is about. */
const SHOWN_BY: Readonly<Record<string, readonly string[]>> = {
  vm: ["/vms", "/bindings", "/services", "/hosts", "/pools", "/datastores", "/networks", "/ha", "/copies"],
  host: ["/hosts", "/vms", "/pools", "/ha", "/servers"],
  server: ["/servers", "/profiles", "/wiring"],
  profile: ["/profiles", "/servers", "/address-ranges", "/wiring"],
  datastore: ["/datastores", "/volumes", "/hosts"],
  network: ["/networks", "/hosts"],
  image: ["/images"],
  endpoint: ["/endpoints", "/hosts", "/pools", "/resync", "/certificates"],
  plan: ["/plans", "/rollouts", "/policies"],
  run: ["/operations", "/plans", "/rollouts"],
  calendar: ["/calendars"],
  service: ["/services"],
  policy: ["/policies", "/bindings"],
  pool: ["/pools", "/hosts"],
  event: ["/events", "/bindings", "/ha", "/notifications", "/policies", "/traps"],
};

let current: Liveness = { state: "connecting", since: Date.now() };
let source: EventSource | null = null;
let watchdog = 0;
let again = 0;
let reading = 0;
let everything = false;
let countedAt = 0;
let counting = 0;
const waiting = new Set<string>();
const uncounted = new Set<string>();
const listeners = new Set<() => void>();

function become(state: Liveness["state"]): void {
  if (state === current.state) return;
  current = { state, since: Date.now() };
  for (const listener of listeners) listener();
}

function heard(): void {
  clearTimeout(watchdog);
  watchdog = window.setTimeout(lost, SILENCE_MS);
}

/** Not live: ask whether we are still known, and connect anew. */
function lost(): void {
  source?.close();
  source = null;
  clearTimeout(watchdog);
  become("stale");
  clearTimeout(again);
  again = window.setTimeout(async () => {
    try {
      await get<Me>("/me");
    } catch {
      // Ended sessions are noticed by the client; anything else is tried again.
    }
    if (running) connect();
  }, AGAIN_MS);
}

let running = false;

function connect(): void {
  source?.close();
  const made = new EventSource("/api/v1/events/stream");
  source = made;
  made.onopen = () => {
    heard();
    everything = true;
    become("live");
    readSoon();
  };
  made.onerror = () => {
    if (source === made) lost();
  };
  made.addEventListener("beat", heard);
  made.addEventListener("notice", (message: MessageEvent<string>) => {
    heard();
    const { kind } = JSON.parse(message.data) as { kind: string };
    if (kind === "resync") everything = true;
    for (const path of SHOWN_BY[kind] ?? []) waiting.add(path);
    readSoon();
  });
  heard();
}

function readSoon(): void {
  if (reading) return;
  reading = window.setTimeout(read, document.hidden ? READ_EVERY_MS * 10 : 150);
}

async function read(): Promise<void> {
  const all = everything;
  const paths = [...waiting];
  everything = false;
  waiting.clear();
  for (const path of paths) uncounted.add(path);
  count(all);
  await queries.invalidateQueries({
    predicate: (query) => !query.meta?.unhurried && (all || concerns(paths, query.queryKey[0])),
  });
  reading = window.setTimeout(() => {
    reading = 0;
    if (everything || waiting.size) readSoon();
  }, READ_EVERY_MS);
}

function concerns(paths: Iterable<string>, name: unknown): boolean {
  for (const path of paths) if (name === path || String(name).startsWith(`${path}/`)) return true;
  return false;
}

/** Have counts and facets read again: now, or when the last time is long enough ago. */
function count(all: boolean): void {
  if (all) uncounted.add("");
  const wait = countedAt + COUNT_EVERY_MS - Date.now();
  if (wait > 0) {
    counting ||= window.setTimeout(() => {
      counting = 0;
      count(false);
    }, wait);
    return;
  }
  const paths = [...uncounted];
  uncounted.clear();
  if (!paths.length) return;
  countedAt = Date.now();
  void queries.invalidateQueries({
    predicate: (query) =>
      query.meta?.unhurried === true && (paths.includes("") || concerns(paths, query.queryKey[0])),
  });
}

/** Follow the stream from now on. */
export function follow(): void {
  if (running) return;
  running = true;
  connect();
}

/** Stop; what is shown then is not live. */
export function unfollow(): void {
  running = false;
  source?.close();
  source = null;
  clearTimeout(watchdog);
  clearTimeout(again);
  become("connecting");
}

export function useLive(): Liveness {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

/** Ask who is logged in. */
export async function recall(): Promise<void> {
  try {
    session.entered(await get<Me>("/me"));
  } catch {
    session.left();
  }
}
