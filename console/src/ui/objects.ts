/** Where an object's page is, by its kind as events and notices name it. */
const PAGES: Readonly<Record<string, string>> = {
  vm: "/vms",
  host: "/hosts",
  server: "/servers",
  profile: "/profiles",
  datastore: "/datastores",
  network: "/networks",
  image: "/images",
  pool: "/pools",
  policy: "/policies",
  plan: "/plans",
};

export function objectPath(kind: string, id: string): string | null {
  const page = PAGES[kind];
  return page && id ? `${page}/${encodeURIComponent(id)}` : null;
}
