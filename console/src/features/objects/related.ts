/** Boxes of a picture of relations, from what the manager lists. */
import { useRows } from "../../api/queries";
import type { Host, Vm } from "../../api/types";
import { number } from "../../i18n/format";
import type { Related } from "./Relations";

const SHOWN = 12;

export function hostBox(host: { readonly id: string; readonly name: string }, joins?: readonly string[]): Related {
  return {
    icon: "cluster",
    key: host.id,
    name: host.name,
    href: `/hosts/${encodeURIComponent(host.id)}`,
    ...(joins && { joins }),
  };
}

export function vmBox(vm: Vm, joins?: readonly string[]): Related {
  return { icon: "vm", key: vm.id, name: vm.name, href: `/vms/${encodeURIComponent(vm.id)}`, ...(joins && { joins }) };
}

/** The first that match as boxes, and one more that leads to all of them if there are more. */
export function useVms(q: string, allOf: (n: string) => string, enabled = true): { readonly total: number; readonly vms: readonly Vm[]; readonly more: readonly Related[] } {
  const found = useRows<Vm>("/vms", { q, limit: SHOWN }, { enabled });
  const total = enabled ? (found.data?.total ?? 0) : 0;
  const more: Related[] =
    total > SHOWN ? [{ icon: "list", name: allOf(number(total)), href: `/vms?q=${encodeURIComponent(q)}` }] : [];
  return { total, vms: enabled ? (found.data?.items ?? []) : [], more };
}

export function useHosts(q: string, allOf: (n: string) => string, enabled = true): { readonly total: number; readonly hosts: readonly Host[]; readonly more: readonly Related[] } {
  const found = useRows<Host>("/hosts", { q, limit: SHOWN }, { enabled });
  const total = enabled ? (found.data?.total ?? 0) : 0;
  const more: Related[] =
    total > SHOWN ? [{ icon: "list", name: allOf(number(total)), href: `/hosts?q=${encodeURIComponent(q)}` }] : [];
  return { total, hosts: enabled ? (found.data?.items ?? []) : [], more };
}
