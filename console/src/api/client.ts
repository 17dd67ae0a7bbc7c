/** The one place where requests leave the page. They go to the manager and nowhere else. */
import { language, wordsNow } from "../i18n";
import { words } from "./words";
import { NO_ANSWER, Problem } from "./problem";
import * as session from "./session";

const ROOT = "/api/v1";
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Sent {
  readonly query?: Query;
  readonly body?: unknown;
  /** ETag of the record that was seen: a change made in between is refused with 412. */
  readonly ifMatch?: string;
  /** The same key for the same wish: sent again, it is done once. "" where none is allowed. */
  readonly once?: string;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly etag: string;
}

export function url(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return ROOT + path + (text && `?${text}`);
}

/** A key for `once`. */
export function newKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Ask, and return the answer with its ETag; raise `Problem`. Nothing is sent twice from here. */
export async function exchange<T>(method: Method, path: string, sent: Sent = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { "Accept-Language": language() };
  if (method !== "GET") {
    headers["X-Anypool-CSRF"] = session.csrf();
    if (sent.body !== undefined) headers["Content-Type"] = "application/json";
    const once = sent.once ?? newKey();
    if (method === "POST" && once) headers["Idempotency-Key"] = once;
    if (sent.ifMatch) headers["If-Match"] = sent.ifMatch;
  }
  const answer = await reached(url(path, sent.query), {
    method,
    headers,
    body: sent.body === undefined ? null : JSON.stringify(sent.body),
    signal: sent.signal ?? null,
    redirect: "error",
  });
  const body = answer.status === 204 ? null : await parsed(answer);
  if (!answer.ok) {
    if (answer.status === 401 && path !== "/login") session.ended();
    throw new Problem(answer.status, (body ?? {}) as Record<string, unknown>);
  }
  return { status: answer.status, body: body as T, etag: answer.headers.get("ETag") ?? "" };
}

async function reached(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    const t = wordsNow(words);
    const changes = init.method !== "GET";
    throw new Problem(NO_ANSWER, {
      title: t.noAnswer,
      detail: changes ? t.noAnswerToChange : t.noAnswer,
      hint: changes ? t.lookBeforeAgain : t.isItRunning,
    });
  }
}

async function parsed(answer: Response): Promise<unknown> {
  const text = await answer.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return { detail: `${answer.status} ${answer.statusText}` };
  }
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const sent = { ...(query && { query }), ...(signal && { signal }) };
  return (await exchange<T>("GET", path, sent)).body;
}

export async function send<T>(method: Exclude<Method, "GET">, path: string, sent?: Sent): Promise<T> {
  return (await exchange<T>(method, path, sent)).body;
}
