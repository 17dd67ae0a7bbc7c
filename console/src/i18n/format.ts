/** Numbers, sizes and times as the viewer writes them, in the viewer's zone. */
import { language } from "./index";

/** The language as the viewer's system writes it: English may be British. */
function locale(): string {
  return navigator.languages.find((tag) => tag.toLowerCase().startsWith(language())) ?? language();
}

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => T): T {
  const name = `${language()} ${key}`;
  let found = made.get(name);
  if (!found) {
    found = make();
    made.set(name, found);
  }
  return found as T;
}

export function number(value: number, digits = 0): string {
  const options = { maximumFractionDigits: digits };
  return kept(`n${digits}`, () => new Intl.NumberFormat(locale(), options)).format(value);
}

export function percent(value: number): string {
  return `${number(value)} %`;
}

function scaled(value: number, units: readonly string[], base: number): string {
  let left = value;
  let unit = 0;
  while (left >= base && unit < units.length - 1) {
    left /= base;
    unit += 1;
  }
  return `${number(left, left < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

/** A size given in MiB. */
export function mib(value: number): string {
  return scaled(value, ["MiB", "GiB", "TiB", "PiB"], 1024);
}

export function bytes(value: number): string {
  return scaled(value, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 1024);
}

export function rate(value: number): string {
  return `${bytes(value)}/s`;
}

/** A span of seconds: "2 min 10 s". */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (seconds > 0 && seconds < 1) return `${number(seconds * 1000)} ms`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const hours = language() === "de" ? "Std." : "h";
  if (s < 86400) return `${Math.floor(s / 3600)} ${hours} ${Math.round((s % 3600) / 60)} min`;
  const days = language() === "de" ? "T" : "d";
  return `${Math.floor(s / 86400)} ${days} ${Math.round((s % 86400) / 3600)} ${hours}`;
}

/** A moment in seconds since 1970: only the time if it was today. */
export function moment(at: number, now = Date.now()): string {
  const date = new Date(at * 1000);
  const today = new Date(now).toDateString() === date.toDateString();
  return kept(today ? "time" : "day", () =>
    today
      ? new Intl.DateTimeFormat(locale(), { timeStyle: "medium" })
      : new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }),
  ).format(date);
}

/** A moment in seconds since 1970 as marks of an axis have it. */
export function hourAndMinute(at: number): string {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  return kept("hour", () => new Intl.DateTimeFormat(locale(), options)).format(new Date(at * 1000));
}

export function dayAndMonth(at: number): string {
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short" };
  return kept("daymonth", () => new Intl.DateTimeFormat(locale(), options)).format(new Date(at * 1000));
}

/** A day on some wall, in ms as `pictures/week.ts` reckons: "Fri 27". */
export function wallDay(ms: number, long = true): string {
  const options: Intl.DateTimeFormatOptions = { timeZone: "UTC", day: "numeric", ...(long && { weekday: "short" }) };
  return kept(`wallday${long}`, () => new Intl.DateTimeFormat(locale(), options)).format(new Date(ms));
}

/** A time on some wall, `2026-12-24 14:00`, as the viewer writes one; the zone is said elsewhere. */
export function wall(text: string): string {
  const options: Intl.DateTimeFormatOptions = {
    timeZone: "UTC", weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  };
  const at = Date.parse(`${text.replace(" ", "T")}:00Z`);
  return Number.isNaN(at) ? text : kept("wall", () => new Intl.DateTimeFormat(locale(), options)).format(new Date(at));
}

/** The whole moment with its zone, for titles. */
export function exact(at: number): string {
  const options: Intl.DateTimeFormatOptions = { dateStyle: "full", timeStyle: "long" };
  return kept("exact", () => new Intl.DateTimeFormat(locale(), options)).format(
    new Date(at * 1000),
  );
}
