import { useMemo } from "react";
import { Link } from "wouter";
import type { Event, OperationRow, PlanRow, Policy, Pool } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, exact, percent, span } from "../../i18n/format";
import type { ListOf } from "../../table/column";
import { ListPage } from "../../table/ListPage";
import { Bar } from "../../ui/Bar";
import { Moment } from "../../ui/Moment";
import { State, useStateWord } from "../../ui/State";
import { objectPath } from "../../ui/objects";
import { plain, yesNo } from "./columns";
import { Beginning } from "../wizards/Beginning";
import { operationBulk, planBulk, policyBulk } from "./bulk";
import { bulkWords } from "./bulkwords";
import { Nothing } from "./Nothing";
import { words } from "./words";

const when = (at: number | null): string => (at ? exact(at) : "");

export function Plans() {
  const t = useWords(words);
  const list = useMemo<ListOf<PlanRow>>(
    () => ({
      path: "/plans",
      jumps: false,
      row: (one) => ({ key: one.id, name: one.goal }),
      columns: [
        {
          key: "goal", title: t.goal, width: 260, grow: 4, text: (one) => one.goal,
          cell: (one) => <Link href={`/plans/${encodeURIComponent(one.id)}`} className="ap-strong">{one.goal}</Link>,
        },
        { key: "state", title: t.state, width: 130, order: "state", text: (one) => one.state, cell: (one) => <State name={one.state} of="run" /> },
        plain("steps", t.steps, (one) => String(one.steps), { width: 80, end: true, order: "steps" }),
        plain("duration", t.duration, (one) => span(one.cost.duration_ms / 1000), { width: 110, end: true, order: "duration" }),
        plain("copy", t.copy, (one) => bytes(one.cost.copy_bytes), { width: 90, end: true, order: "copy" }),
        plain("pause", t.pause, (one) => span(one.cost.pause_ms / 1000), { width: 110, end: true, order: "pause" }),
        plain("by", t.by, (one) => one.by, { order: "by" }),
        plain("policy", t.policy, (one) => one.policy ?? "", { order: "policy" }),
        { key: "created", title: t.created, width: 140, order: "created", text: (one) => when(one.created_at), cell: (one) => <Moment at={one.created_at} /> },
        { key: "changed", title: t.changed, width: 140, order: "changed", hidden: true, text: (one) => when(one.changed_at), cell: (one) => <Moment at={one.changed_at} /> },
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => planBulk(b), [b]);
  return <ListPage title={t.titles.plans} empty={<Nothing of="plans" />} bulk={bulk} list={list} />;
}

export function Operations() {
  const t = useWords(words);
  const list = useMemo<ListOf<OperationRow>>(
    () => ({
      path: "/operations",
      jumps: false,
      row: (one) => ({ key: one.id, name: one.goal }),
      columns: [
        {
          key: "goal", title: t.goal, width: 260, grow: 4, text: (one) => one.goal,
          cell: (one) => <Link href={`/plans/${encodeURIComponent(one.plan)}`} className="ap-strong">{one.goal}</Link>,
        },
        { key: "state", title: t.state, width: 140, order: "state", text: (one) => one.state, cell: (one) => <State name={one.state} of="run" /> },
        {
          key: "progress", title: t.progress, width: 150, text: (one) => percent(one.progress_percent),
          cell: (one) => (
            <>
              <Bar percent={one.progress_percent} running={!one.ended_at} label={one.goal} />{" "}
              {t.of(String(one.steps_done), String(one.steps_total))}
            </>
          ),
        },
        plain("by", t.by, (one) => one.by, { order: "by" }),
        { key: "started", title: t.started, width: 140, order: "started", text: (one) => when(one.started_at), cell: (one) => <Moment at={one.started_at} /> },
        { key: "ended", title: t.ended, width: 140, order: "ended", text: (one) => when(one.ended_at), cell: (one) => <Moment at={one.ended_at} /> },
        plain("message", t.message, (one) => one.message, { width: 200, grow: 3 }),
      ],
    }),
    [t],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => operationBulk(b), [b]);
  return <ListPage title={t.titles.operations} empty={<Nothing of="operations" />} bulk={bulk} list={list} />;
}

export function Events() {
  const t = useWords(words);
  const list = useMemo<ListOf<Event>>(
    () => ({
      path: "/events",
      jumps: false,
      row: (one) => ({ key: String(one.number), name: one.message }),
      columns: [
        { key: "at", title: t.at, width: 150, text: (one) => when(one.at), cell: (one) => <Moment at={one.at} /> },
        { key: "severity", title: t.severity, width: 110, order: "severity", text: (one) => one.severity, cell: (one) => <State name={one.severity} /> },
        plain("message", t.message, (one) => one.message, { width: 320, grow: 5 }),
        {
          key: "subject", title: t.subject, width: 150, text: (one) => `${one.subject_kind} ${one.subject_id}`,
          cell: (one) => {
            const path = objectPath(one.subject_kind, one.subject_id);
            const text = `${one.subject_kind} ${one.subject_id}`;
            return path ? <Link href={path}>{text}</Link> : text;
          },
        },
        plain("by", t.by, (one) => one.by, { width: 100 }),
        plain("kind", t.what, (one) => one.kind, { width: 140 }),
      ],
    }),
    [t],
  );
  return <ListPage title={t.titles.events} empty={<Nothing of="events" />} list={list} />;
}

export function Policies() {
  const t = useWords(words);
  const said = useStateWord();
  const list = useMemo<ListOf<Policy>>(
    () => ({
      path: "/policies",
      jumps: false,
      row: (one) => ({ key: one.id, name: one.id }),
      columns: [
        plain("name", t.name, (one) => one.id, {
          width: 180, grow: 2, order: "name", cell: (one) => <Link href={`/policies/${encodeURIComponent(one.id)}`} className="ap-strong">{one.id}</Link>,
        }),
        plain("rule", t.rule, (one) => one.rule.kind, { order: "kind" }),
        plain("strength", t.strength, (one) => t[one.strength], { width: 90, order: "strength" }),
        plain("scope", t.scope, (one) => one.scope, { width: 220, grow: 3, cell: (one) => <code>{one.scope}</code> }),
        plain("enabled", t.enabled, (one) => yesNo(t, one.enabled), { width: 70, order: "enabled" }),
        plain("vms", t.vms, (one) => String(one.vms), { width: 70, end: true, order: "vms" }),
        plain("hosts", t.hosts, (one) => String(one.hosts), { width: 70, end: true, order: "hosts" }),
        {
          key: "breaches", title: t.breaches, width: 100, end: true, order: "breaches", text: (one) => String(one.breaches.length),
          cell: (one) => (one.breaches.length ? <span className="ap-warn ap-strong">{one.breaches.length}</span> : "0"),
        },
        plain("description", t.description, (one) => one.description, { width: 200, grow: 2 }),
      ],
    }),
    [t, said],
  );
  const b = useWords(bulkWords);
  const bulk = useMemo(() => policyBulk(b), [b]);
  return <ListPage title={t.titles.policies} empty={<Nothing of="policies" />} bulk={bulk} actions={<Beginning to="/policies/new" />} list={list} />;
}

export function Pools() {
  const t = useWords(words);
  const list = useMemo<ListOf<Pool>>(
    () => ({
      path: "/pools",
      jumps: false,
      row: (one) => ({ key: one.id, name: one.id }),
      columns: [
        plain("name", t.name, (one) => one.id, {
          width: 180, grow: 2, order: "name", cell: (one) => <Link href={`/pools/${encodeURIComponent(one.id)}`} className="ap-strong">{one.id}</Link>,
        }),
        plain("hosts", t.hosts, (one) => String(one.hosts), { end: true, order: "hosts" }),
        plain("vms", t.vms, (one) => String(one.vms), { end: true, order: "vms" }),
        plain("endpoints", t.endpoints, (one) => one.endpoints.join(" "), { width: 200, grow: 2 }),
        plain("observeOnly", t.observeOnly, (one) => yesNo(t, one.observe_only), { order: "observe-only" }),
        plain("description", t.description, (one) => one.description, { width: 200, grow: 2 }),
      ],
    }),
    [t],
  );
  return <ListPage title={t.titles.pools} empty={<Nothing of="pools" />} list={list} />;
}
