/** How hosts stand in racks and chassis, as far as their failure domains say it. */
export interface Domain {
  readonly kind: string;
  readonly name: string;
  readonly hosts: readonly string[];
}

export interface Chassis {
  readonly name: string;
  readonly rows: readonly (readonly string[])[];
}

export interface Rack {
  readonly name: string;
  readonly count: number;
  readonly chassis: readonly Chassis[];
}

/** More than so many hosts are not drawn one by one: each chassis, or each rack, is one cell. */
export const MOST_CELLS = 400;

/** Hosts by rack, in it by chassis, in it in rows of `across`; the nameless rack is the last. */
export function arrange(hosts: readonly string[], domains: readonly Domain[], across: number): Rack[] {
  const rackOf = inside(domains, "rack");
  const chassisOf = inside(domains, "chassis");
  const racks = group(hosts, (host) => rackOf.get(host) ?? "");
  return [...racks].sort(named).map(([name, members]) => ({
    name,
    count: members.length,
    chassis: [...group(members, (host) => chassisOf.get(host) ?? "")].sort(named).map(([chassis, within]) => ({
      name: chassis,
      rows: chunks([...within].sort(natural), across),
    })),
  }));
}

/** `rack:a1` is shown as `a1`. */
export function bare(tag: string): string {
  return tag.slice(tag.indexOf(":") + 1);
}

export function natural(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function named(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  if (!a[0] || !b[0]) return Number(!a[0]) - Number(!b[0]);
  return natural(a[0], b[0]);
}

function inside(domains: readonly Domain[], kind: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const one of domains) {
    if (one.kind === kind) for (const host of one.hosts) found.set(host, one.name);
  }
  return found;
}

function group(items: readonly string[], by: (item: string) => string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const item of items) found.set(by(item), [...(found.get(by(item)) ?? []), item]);
  return found;
}

function chunks(items: readonly string[], size: number): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < items.length; at += size) found.push(items.slice(at, at + size));
  return found;
}

/** Where an arrow key leads in rows of differing length; the same place at an edge. */
export function step(rows: readonly (readonly string[])[], from: string, key: string): string {
  const row = rows.findIndex((one) => one.includes(from));
  const column = rows[row]?.indexOf(from) ?? 0;
  const flat = rows.flat();
  const at = flat.indexOf(from);
  const vertical = (to: number): string => {
    const next = rows[to];
    return next ? (next[Math.min(column, next.length - 1)] ?? from) : from;
  };
  switch (key) {
    case "ArrowRight":
      return flat[at + 1] ?? from;
    case "ArrowLeft":
      return flat[at - 1] ?? from;
    case "ArrowDown":
      return vertical(row + 1);
    case "ArrowUp":
      return vertical(row - 1);
    case "Home":
      return flat[0] ?? from;
    case "End":
      return flat.at(-1) ?? from;
    default:
      return from;
  }
}
