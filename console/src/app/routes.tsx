/** Which page is at which address: one line each, loaded when somebody first goes there. */
import { lazy, type ComponentType } from "react";

export interface Route {
  /** A pattern of wouter: `/vms/:id`. */
  readonly path: string;
  readonly Page: ComponentType;
  /** Fetches it; again, it is there already. */
  readonly load: () => Promise<unknown>;
}

type Loaded = Promise<{ default: ComponentType }>;

const route = (path: string, load: () => Loaded): Route => ({ path, load, Page: lazy(load) });

const physical = () => import("../features/lists/Physical");
const places = () => import("../features/lists/Places");
const records = () => import("../features/lists/Records");

export const ROUTES: readonly Route[] = [
  route("/", () => import("../features/overview/Overview")),
  route("/endpoints/new", () => import("../features/wizards/AddEndpoint")),
  route("/vms/new", () => import("../features/wizards/NewVm")),
  route("/vms/:key/protect", () => import("../features/wizards/Protect")),
  route("/hosts/:key/maintenance", () => import("../features/wizards/Maintain")),
  route("/policies/new", () => import("../features/wizards/NewPolicy")),
  route("/calendars/new", () => import("../features/calendars/CalendarWizard")),
  route("/calendars/:key/edit", () => import("../features/calendars/CalendarWizard")),
  route("/calendars/:id", () => import("../features/calendars/CalendarPage")),
  route("/calendars", () => import("../features/calendars/Calendars")),
  route("/bmc-events", () => import("../features/hearing/BmcEvents")),
  route("/profiles/:key/move", () => import("../features/wizards/MoveProfile")),
  route("/vms/:id/console/:kind", () => import("../features/console/ConsolePage")),
  route("/vms/:id", () => import("../features/objects/VmPage")),
  route("/hosts/:id", () => import("../features/objects/HostPage")),
  route("/servers/:id", () => import("../features/objects/ServerPage")),
  route("/profiles/:id", () => import("../features/objects/ProfilePage")),
  route("/datastores/:id", () => import("../features/objects/DatastorePage")),
  route("/networks/:id", () => import("../features/objects/NetworkPage")),
  route("/images/:id", () => import("../features/objects/ImagePage")),
  route("/services/:id", () => import("../features/objects/ServicePage")),
  route("/policies/:id", () => import("../features/objects/PolicyPage")),
  route("/pools/:id/rehearsal", () => import("../features/rehearsal/RehearsalPage")),
  route("/pools/:id", () => import("../features/objects/PoolPage")),
  route("/vms", () => import("../features/lists/Vms")),
  route("/hosts", () => import("../features/lists/Hosts")),
  route("/servers", async () => ({ default: (await physical()).Servers })),
  route("/profiles", async () => ({ default: (await physical()).Profiles })),
  route("/datastores", async () => ({ default: (await places()).Datastores })),
  route("/networks", async () => ({ default: (await places()).Networks })),
  route("/images", async () => ({ default: (await places()).Images })),
  route("/services", () => import("../features/lists/Services")),
  route("/pools", async () => ({ default: (await records()).Pools })),
  route("/policies", async () => ({ default: (await records()).Policies })),
  route("/plans", async () => ({ default: (await records()).Plans })),
  route("/plans/:id", () => import("../features/plan/PlanPage")),
  route("/deathmap", () => import("../features/deathmap/DeathMap")),
  route("/racks", () => import("../features/racks/Racks")),
  route("/incidents", () => import("../features/incidents/Incidents")),
  route("/incidents/:id", () => import("../features/incidents/IncidentPage")),
  route("/operations", async () => ({ default: (await records()).Operations })),
  route("/events", async () => ({ default: (await records()).Events })),
];

/** Begin to fetch the page of an address, while something else is waited for. */
export function fetchAhead(place: string): void {
  const parts = place.split("/");
  const fits = (path: string): boolean => {
    const wanted = path.split("/");
    return wanted.length === parts.length && wanted.every((one, at) => one.startsWith(":") || one === parts[at]);
  };
  ROUTES.find((one) => fits(one.path))?.load().catch(() => undefined);
}

export const Missing = lazy(() => import("../features/missing/Missing"));
