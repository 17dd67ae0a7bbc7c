import { Link, useParams } from "wouter";
import { exchange, send } from "../../api/client";
import { queries, useRead } from "../../api/queries";
import type { Policy, Report } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, span } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { words as listWords } from "../lists/words";
import { DeedButtons, type Named } from "./DeedButtons";
import { Frame, ObjectProblem } from "./Frame";
import { Card, Facts, Past, Plans } from "./parts";
import { hostBox, useHosts, useVms, vmBox } from "./related";
import { Relations } from "./Relations";
import { names, settings } from "./rule-words";
import { words } from "./words";

/** Rules whose scope asks for hosts; all others ask for VMs. */
const OF_HOSTS: ReadonlySet<string> = new Set(["max-vms", "headroom", "balance", "power", "replenish", "ha", "failover"]);
const YIELDS_PLANS: ReadonlySet<string> = new Set(["balance", "power", "replenish", "ha"]);
const MONTH_S = 30 * 86_400;

export default function PolicyPage() {
  const t = useWords(words);
  const l = useWords(listWords);
  const named = useWords(names);
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/policies/${encodeURIComponent(id)}`;
  const found = useRead<Policy>(path);
  const policy = found.data;
  const kind = policy?.rule.kind ?? "";
  const ofHosts = OF_HOSTS.has(kind);
  const vms = useVms(policy?.scope ?? "", t.allOf, policy !== undefined && !ofHosts);
  const hosts = useHosts(policy?.scope ?? "", t.allOf, policy !== undefined && ofHosts);
  if (found.error) return <ObjectProblem problem={found.error} />;
  if (!policy) return <Waiting what={t.reading} />;
  const bound = ofHosts
    ? [...hosts.hosts.map((one) => hostBox(one)), ...hosts.more]
    : [...vms.vms.map((one) => vmBox(one)), ...vms.more];
  return (
    <Frame
      name={policy.id}
      list={[l.titles.policies, "/policies"]}
      state={
        <>
          <span className={`ap-label${policy.enabled ? "" : " ap-label--warn"}`}>{policy.enabled ? t.isOn : t.isOff}</span>
          {policy.breaches.length > 0 && (
            <span className="ap-label ap-label--warn">
              <Icon name="warn" /> {t.broken(policy.breaches.length)}
            </span>
          )}
        </>
      }
      actions={<PolicyDeeds policy={policy} path={path} />}
    >
      <Card title={t.facts}>
        <Facts
          of={[
            [l.description, policy.description],
            [l.rule, kind],
            [l.strength, l[policy.strength]],
            [l.scope, <code key="s">{policy.scope || t.everything}</code>],
            [t.binds, ofHosts ? t.hostCount(policy.hosts) : t.vmCount(policy.vms)],
            ...settings(policy.rule, named, l.yes, l.no),
          ]}
        />
        {policy.hint && <p className="ap-warn">{policy.hint}</p>}
      </Card>
      <Card title={t.kept}>
        {policy.breaches.length === 0 ? (
          <p className="ap-ok">
            <Icon name="ok" /> {policy.enabled ? t.isKept : t.notAsked}
          </p>
        ) : (
          <ul className="ap-lines">
            {policy.breaches.map((one) => (
              <li key={one.why}>
                <Icon name="warn" tone="warn" /> <span>{one.why}</span>
              </li>
            ))}
          </ul>
        )}
        {policy.watched && (
          <p className="ap-subtle">
            {policy.watched.why} {policy.watched.plan && <Link href={`/plans/${policy.watched.plan}`}>{t.plan}</Link>}
          </p>
        )}
      </Card>
      <Relations title={t.whomItBinds} columns={[[{ icon: "clipboard", name: policy.id, here: true }], bound]} />
      {bound.length === 0 && (
        <Card title={t.whomItBinds} wide>
          <p className="ap-subtle">{t.bindsNothing}</p>
        </Card>
      )}
      {policy.counted.length > 0 && <Licensed policy={policy} />}
      {YIELDS_PLANS.has(kind) && <Deeds30 path={path} />}
      <Plans q={`policy = "${policy.id}"`} />
      <Past kind="policy" id={policy.id} />
    </Frame>
  );
}

function PolicyDeeds({ policy, path }: { policy: Policy; path: string }) {
  const t = useWords(words);
  async function enable(enabled: boolean): Promise<void> {
    const seen = await exchange<Policy>("GET", path);
    await send("PATCH", path, { body: { enabled }, ...(seen.etag && { ifMatch: seen.etag }) });
    await queries.invalidateQueries({ predicate: (one) => String(one.queryKey[0]).startsWith("/policies") });
  }
  const deeds: readonly Named[] = [
    { label: t.deeds.switchOff, icon: "pause", fits: policy.enabled, deed: { path, perform: () => enable(false) } },
    { label: t.deeds.switchOn, icon: "play", fits: !policy.enabled, deed: { path, perform: () => enable(true) } },
    { label: t.deeds.pack, icon: "lr", fits: policy.rule.kind === "licence" && policy.enabled, deed: { path: "/policies/{key}/pack" } },
    {
      label: t.deeds.remove, icon: "trash", fits: true,
      deed: { path, danger: true, perform: async () => void (await send("DELETE", path)) },
    },
  ];
  return <DeedButtons role="administrator" deeds={deeds} target={{ key: policy.id, name: policy.id }} />;
}

function Licensed({ policy }: { policy: Policy }) {
  const t = useWords(words);
  const l = useWords(listWords);
  return (
    <Card title={t.licensed}>
      <p>{t.socketsUsed(policy.sockets)}</p>
      <PlainTable label={t.licensed} head={[l.host, t.sockets, l.vms, t.isLicensed]}>
        {policy.counted.map((one) => (
          <tr key={one.host}>
            <th scope="row">{one.host}</th>
            <td>{number(one.sockets)}</td>
            <td>{number(one.vms)}</td>
            <td className={one.licensed ? "" : "ap-loss"}>{one.licensed ? l.yes : l.no}</td>
          </tr>
        ))}
      </PlainTable>
    </Card>
  );
}

/** What it did in a month, or would have done. */
function Deeds30({ path }: { path: string }) {
  const t = useWords(words);
  const found = useRead<Report>(`${path}/report`, { since: -MONTH_S });
  return (
    <Card title={t.month}>
      {found.error && <ProblemBox problem={found.error} />}
      {!found.data && !found.error && <Waiting />}
      {found.data && (
        <>
          {found.data.plans.length === 0 && <p className="ap-subtle">{t.nothingDone}</p>}
          {found.data.plans.length > 0 && (
            <Facts
              of={[
                ...Object.entries(found.data.states).map(([state, count]) => [t.plansThat(state), number(count)] as const),
                [t.moves, number(found.data.moves)],
                [t.movedVms, number(found.data.vms)],
                [t.copied, bytes(found.data.copy_bytes)],
                [t.pause, span(found.data.pause_ms / 1000)],
                [t.newestPlan, <Moment key="m" at={found.data.plans[0]?.created_at} />],
              ]}
            />
          )}
        </>
      )}
    </Card>
  );
}
