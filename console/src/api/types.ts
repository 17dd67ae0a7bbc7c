/** Short names for the types that the build makes from the manager's OpenAPI document. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["Me"];
export type Vm = Schemas["VmView"];
export type Host = Schemas["HostView"];
export type Server = Schemas["ServerView"];
export type Profile = Schemas["ProfileView"];
export type Datastore = Schemas["DatastoreView"];
export type Network = Schemas["NetworkView"];
export type Image = Schemas["ImageView"];
export type Pool = Schemas["PoolView"];
export type Policy = Schemas["PolicyView"];
export type PlanRow = Schemas["PlanRow"];
export type Plan = Schemas["PlanView"];
export type Step = Schemas["StepView"];
export type Failure = Schemas["FailureView"];
export type Fate = Schemas["FateView"];
export type WhatIf = Schemas["WhatIfView"];
export type TimeLine = Schemas["TimeLineView"];
export type Picture = Schemas["PictureView"];
export type PlanDifference = Schemas["PlanDifferenceView"];
export type OperationRow = Schemas["OperationRow"];
export type Operation = Schemas["OperationView"];
export type Event = Schemas["EventView"];
export type Facet = Schemas["FacetView"];
export type Load = Schemas["LoadView"];
export type Incident = Schemas["IncidentView"];
export type Accepted = Schemas["Accepted"];
export type Demo = Schemas["DemoView"];
export type Managers = Schemas["ManagersView"];

/** A page of a list; what is of the inventory has sums and facets, too. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly next: string | null;
  readonly totals?: Readonly<Record<string, number>>;
  readonly facets?: readonly Facet[];
}

export type Completion = Schemas["Completion"];
export type Cell = string | number | boolean | null | undefined;
export type History = Schemas["history_HistoryView"];
export type VmHa = Schemas["VmHaView"];
export type ConsoleTicket = Schemas["ConsoleView"];
export type OpenConsole = Schemas["OpenConsoleView"];
export type Look = Schemas["LookView"];
export type Answer = Schemas["Answer"];
export type SampleState = Schemas["SampleView"];
export type Coverage = Schemas["CoverageView"];
export type Bindings = Schemas["BindingsView"];
export type Service = Schemas["ServiceView"];
export type Volume = Schemas["VolumeView"];
export type Sensors = Schemas["SensorsView"];
export type Tenures = Schemas["profiles_HistoryView"];
export type Report = Schemas["ReportView"];
export type Rehearsal = Schemas["RehearsalView"];
export type Calendar = Schemas["CalendarView"];
export type Calendars = Schemas["CalendarsView"];
export type ForeseenWeek = Schemas["ForeseenView"];
export type Turn = Schemas["TurnView"];
export type Traps = Schemas["TrapsView"];
export type Subscriptions = Schemas["SubscriptionsView"];
export type Deaths = Schemas["DeathsView"];
