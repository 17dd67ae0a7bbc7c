/** Whether a profile fits into a bay, as far as it can be said without asking the manager. */
export interface BayServer {
  readonly id: string;
  readonly cpus: number;
  readonly memory_mib: number;
  readonly arch: string;
  readonly adoption: string;
  readonly host: string;
  readonly bears: string;
  readonly adapters: readonly { readonly kind: string; readonly ports: readonly unknown[] }[];
}

export interface BayProfile {
  readonly server_id: string;
  readonly ports: readonly { readonly kind: string }[];
  readonly needs: { readonly cpus?: number; readonly memory_mib?: number; readonly arch?: string };
}

export type Fit = "fits" | "here" | "taken" | "host" | "not-ours" | "ports" | "cpus" | "memory" | "arch";

/** The first thing that speaks against it; the manager has the last word when it plans. */
export function fit(profile: BayProfile, server: BayServer): Fit {
  if (profile.server_id === server.id) return "here";
  if (server.host) return "host";
  if (server.bears) return "taken";
  if (server.adoption !== "adopted") return "not-ours";
  for (const kind of new Set(profile.ports.map((one) => one.kind))) {
    const wanted = profile.ports.filter((one) => one.kind === kind).length;
    const there = server.adapters.filter((one) => one.kind === kind).reduce((sum, one) => sum + one.ports.length, 0);
    if (there < wanted) return "ports";
  }
  if ((profile.needs.cpus ?? 0) > server.cpus) return "cpus";
  if ((profile.needs.memory_mib ?? 0) > server.memory_mib) return "memory";
  if (profile.needs.arch && server.arch && profile.needs.arch !== server.arch) return "arch";
  return "fits";
}
