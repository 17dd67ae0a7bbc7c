/** What the navigation shows: groups of entries, one line each. */
import type { IconName } from "../ui/Icon";
import type { words } from "./words";

export interface Entry {
  readonly to: string;
  readonly icon: IconName;
  readonly label: keyof typeof words.en.nav;
  /** The list whose total is shown beside it. */
  readonly count?: string;
}

export interface Group {
  readonly label: keyof typeof words.en.groups | null;
  readonly entries: readonly Entry[];
}

export const NAVIGATION: readonly Group[] = [
  {
    label: null,
    entries: [
      { to: "/", icon: "table", label: "overview" },
      { to: "/deathmap", icon: "skull", label: "deathmap" },
      { to: "/pools", icon: "cubes", label: "pools", count: "/pools" },
      { to: "/vms", icon: "vm", label: "vms", count: "/vms" },
      { to: "/hosts", icon: "cluster", label: "hosts", count: "/hosts" },
      { to: "/servers", icon: "server", label: "servers", count: "/servers" },
      { to: "/racks", icon: "columns", label: "racks" },
      { to: "/profiles", icon: "key", label: "profiles", count: "/profiles" },
      { to: "/datastores", icon: "storage", label: "storage", count: "/datastores" },
      { to: "/networks", icon: "network", label: "networks", count: "/networks" },
      { to: "/images", icon: "image", label: "images", count: "/images" },
      { to: "/services", icon: "stack", label: "services", count: "/services" },
    ],
  },
  {
    label: "wishes",
    entries: [
      { to: "/plans", icon: "route", label: "plans" },
      { to: "/policies", icon: "clipboard", label: "policies" },
      { to: "/calendars", icon: "clock", label: "calendars" },
    ],
  },
  {
    label: "past",
    entries: [
      { to: "/incidents", icon: "history", label: "incidents" },
      { to: "/operations", icon: "progress", label: "operations" },
      { to: "/events", icon: "list", label: "events" },
      { to: "/bmc-events", icon: "heart", label: "bmcEvents" },
    ],
  },
];
