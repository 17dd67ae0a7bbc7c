/** Which page is at which address: one line each, loaded when somebody first goes there. */
import { lazy, type ComponentType } from "react";

export interface Route {
  /** A pattern of wouter: `/vms/:id`. */
  readonly path: string;
  readonly Page: ComponentType;
}

type Loaded = Promise<{ default: ComponentType }>;

const route = (path: string, load: () => Loaded): Route => ({ path, Page: lazy(load) });

export const ROUTES: readonly Route[] = [route("/", () => import("../features/overview/Overview"))];

export const Missing = lazy(() => import("../features/missing/Missing"));
