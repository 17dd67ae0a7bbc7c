/** Where an object's page is, by its kind as events and notices name it. */
import { NOUNS } from "../search/nouns";

const { operation: _operation, event: _event, ...withPages } = NOUNS;
const PAGES: Readonly<Record<string, string>> = { ...withPages, calendar: "/calendars" };

export function objectPath(kind: string, id: string): string | null {
  const page = PAGES[kind];
  return page && id ? `${page}/${encodeURIComponent(id)}` : null;
}
