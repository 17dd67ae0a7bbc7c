/** Pools, their hosts, their VMs: the same things as the table, opened one by one. */
import { createContext, useContext, useState, type KeyboardEvent, type ReactNode } from "react";
import { Link } from "wouter";
import { useRows } from "../../api/queries";
import type { Host, Pool, Vm } from "../../api/types";
import { useWords } from "../../i18n";
import { number } from "../../i18n/format";
import { narrowed, parts, written } from "../../search/query";
import { Icon, type IconName } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { State } from "../../ui/State";
import { Waiting } from "../../ui/Waiting";
import "./tree.css";
import { words } from "./words";

const MOST = 500;

/** `hosts`: the query is about hosts; else it is about VMs and hosts are all shown. */
export function Tree({ query, hosts = false }: { query: string; hosts?: boolean }) {
  const t = useWords(words);
  const pools = useRows<Pool>("/pools", { limit: MOST });
  const asked = parts(query).conditions.join(" and ");
  if (pools.error) return <ProblemBox problem={pools.error} again={() => void pools.refetch()} />;
  if (!pools.data) return <Waiting />;
  return (
    <div className="ap-card ap-tree">
      <ul role="tree" aria-label={t.tree.label} onKeyDown={walk}>
        {pools.data.items.map((pool, index) => (
          <Node
            key={pool.id}
            icon="cubes"
            name={pool.id}
            href={`/pools/${encodeURIComponent(pool.id)}`}
            note={t.tree.vms(number(pool.vms))}
            first={index === 0}
            opened={pools.data.items.length === 1}
          >
            {() => <HostsOf pool={pool.id} hosts={hosts ? asked : ""} vms={hosts ? "" : asked} />}
          </Node>
        ))}
        <Node icon="warn" name={t.tree.nowhere} note="">
          {() => <VmsOf query={narrowed(hosts ? "" : asked, 'host = ""')} />}
        </Node>
      </ul>
    </div>
  );
}

function HostsOf({ pool, hosts, vms }: { pool: string; hosts: string; vms: string }) {
  const q = narrowed(hosts, `pool = ${written(pool)}`);
  const found = useRows<Host>("/hosts", { q, limit: MOST });
  return (
    <Branch found={found}>
      {(host: Host) => (
        <Node
          key={host.id}
          icon="cluster"
          name={host.name}
          href={`/hosts/${encodeURIComponent(host.id)}`}
          note={<State name={host.state === "up" && host.maintenance ? "maintenance" : host.state} />}
        >
          {() => <VmsOf query={narrowed(vms, `host.id = ${written(host.id)}`)} />}
        </Node>
      )}
    </Branch>
  );
}

function VmsOf({ query }: { query: string }) {
  const found = useRows<Vm>("/vms", { q: query, limit: MOST });
  return (
    <Branch found={found}>
      {(vm: Vm) => (
        <Node
          key={vm.id}
          icon="vm"
          name={vm.name}
          href={`/vms/${encodeURIComponent(vm.id)}`}
          note={<State name={vm.state} />}
        />
      )}
    </Branch>
  );
}

function Branch<T>({ found, children }: {
  found: ReturnType<typeof useRows<T>>;
  children: (item: T) => ReactNode;
}) {
  const t = useWords(words);
  if (found.error) return <ProblemBox problem={found.error} again={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  const left = found.data.total - found.data.items.length;
  return (
    <ul role="group">
      {found.data.items.map(children)}
      {found.data.total === 0 && <li role="none" className="ap-tree__note">{t.tree.none}</li>}
      {left > 0 && <li role="none" className="ap-tree__note">{t.tree.more(number(left))}</li>}
    </ul>
  );
}

function Node({ icon, name, href, note, first, opened, children }: {
  icon: IconName;
  name: string;
  href?: string;
  note: ReactNode;
  first?: boolean;
  opened?: boolean;
  children?: () => ReactNode;
}) {
  const [open, setOpen] = useState(opened ?? false);
  const level = useContext(Level);
  return (
    <li role="none">
      <div
        role="treeitem"
        className="ap-tree__row"
        tabIndex={first ? 0 : -1}
        aria-level={level}
        {...(children && { "aria-expanded": open })}
        onClick={(event) => {
          if (children && !(event.target as HTMLElement).closest("a")) setOpen(!open);
        }}
      >
        <span className="ap-tree__twist">{children && <Icon name={open ? "down" : "right"} />}</span>
        <Icon name={icon} tone="subtle" />
        {href ? (
          <Link href={href} tabIndex={-1} className="ap-cut">
            {name}
          </Link>
        ) : (
          <span>{name}</span>
        )}
        <span className="ap-small ap-least">{note}</span>
      </div>
      {open && <Level value={level + 1}>{children?.()}</Level>}
    </li>
  );
}

/** How deep a node is, from 1. */
const Level = createContext(1);

/** Arrows as in every tree: down and up walk, right opens, left closes or leads to the parent. */
function walk(event: KeyboardEvent<HTMLUListElement>): void {
  const here = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
  if (!here) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=treeitem]")];
  const at = all.indexOf(here);
  const open = here.getAttribute("aria-expanded");
  let next: HTMLElement | null | undefined;
  if (event.key === "ArrowDown") next = all[at + 1];
  else if (event.key === "ArrowUp") next = all[at - 1];
  else if (event.key === "Home") next = all[0];
  else if (event.key === "End") next = all.at(-1);
  else if (event.key === "ArrowRight" && open === "false") here.click();
  else if (event.key === "ArrowRight" && open === "true") next = all[at + 1];
  else if (event.key === "ArrowLeft" && open === "true") here.click();
  else if (event.key === "ArrowLeft") next = parentOf(here);
  else if (event.key === "Enter") here.querySelector<HTMLElement>("a")?.click();
  else return;
  event.preventDefault();
  if (next) {
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

function parentOf(node: HTMLElement): HTMLElement | null | undefined {
  const group = node.closest("[role=group]");
  return group?.parentElement?.querySelector<HTMLElement>(":scope > [role=treeitem]");
}
