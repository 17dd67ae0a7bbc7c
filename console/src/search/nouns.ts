/** What can be searched, and on which page it is shown. */
export const NOUNS = {
  vm: "/vms",
  host: "/hosts",
  server: "/servers",
  profile: "/profiles",
  datastore: "/datastores",
  network: "/networks",
  image: "/images",
  service: "/services",
  pool: "/pools",
  policy: "/policies",
  plan: "/plans",
  operation: "/operations",
  event: "/events",
} as const;

export type Noun = keyof typeof NOUNS;

/** The noun that a page shows, null if it is none of the lists. */
export function nounAt(place: string): Noun | null {
  const found = Object.entries(NOUNS).find(([, path]) => path === place);
  return found ? (found[0] as Noun) : null;
}

/** `host where name = x`, `hosts: name = x`: a noun at the beginning, and the rest. */
export function split(text: string): { noun: Noun | null; rest: string } {
  const found = /^\s*([a-z]+?)s?\s*(?::|\bwhere\b|(?=\border\b))\s*/i.exec(text);
  const noun = found?.[1]?.toLowerCase();
  if (found && noun && noun in NOUNS) {
    return { noun: noun as Noun, rest: text.slice(found[0].length) };
  }
  const alone = text.trim().toLowerCase().replace(/s$/, "");
  return alone in NOUNS ? { noun: alone as Noun, rest: "" } : { noun: null, rest: text.trim() };
}

export function address(noun: Noun, query: string, view?: string): string {
  const given = new URLSearchParams({ ...(query && { q: query }), ...(view && { view }) }).toString();
  return NOUNS[noun] + (given && `?${given}`);
}
