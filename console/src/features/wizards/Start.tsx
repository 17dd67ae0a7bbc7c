/** The very first page: one address, or a sample pool to look around with. */
import { useState } from "react";
import { newKey, send } from "../../api/client";
import type { Problem } from "../../api/problem";
import { queries, useRead } from "../../api/queries";
import { useMay } from "../../api/session";
import type { SampleState } from "../../api/types";
import { bilingual, useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { AddServer } from "./AddEndpoint";
import { command, openSample } from "./deed";
import { asProblem } from "./usePlanned";
import "./wizards.css";

const words = bilingual(
  {
    title: "Nothing here yet. One address is enough to start.",
    lead: "anypool first only looks. It moves, starts or switches off nothing until you approve a plan or write a rule.",
    first: "Add your first server",
    firstWhat: "hypervisor host, vCenter or a server's BMC",
    any: "An address of any of these will do",
    finds: "which one it is, anypool finds out",
    kinds: [
      ["KVM, Xen with libvirt", "one host, by SSH or TLS"],
      ["VMware vSphere", "the vCenter"],
      ["Any server", "its BMC, by Redfish or IPMI"],
    ],
    sample: "Or look around first",
    sampleWhat: (hosts: number, vms: number) =>
      `A sample pool with ${hosts} hosts and ${vms} VMs, simulated on this machine. Break what you like.`,
    open: "Open the sample pool",
    opening: "Is being made",
    mark: "sample",
    marked: "It stays marked on every page, and one click removes all of it.",
    then: "Then, in about ten minutes",
    thens: [
      ["Add a server", "you are here"],
      ["See what dies with it", "the death map, ready by itself"],
      ["Give it a way to prove a death", "BMC password or a storage lease"],
      ["Protect your VMs", "which come back first, and where"],
    ],
  },
  {
    title: "Noch ist nichts hier. Eine Adresse genügt für den Anfang.",
    lead: "anypool schaut zuerst nur zu. Es verschiebt, startet und schaltet nichts, bis Sie einen Plan freigeben oder eine Regel schreiben.",
    first: "Ihr erster Server",
    firstWhat: "Hypervisor-Host, vCenter oder der BMC eines Servers",
    any: "Eine Adresse von einem davon genügt",
    finds: "was es ist, findet anypool heraus",
    kinds: [
      ["KVM, Xen mit libvirt", "ein Host, über SSH oder TLS"],
      ["VMware vSphere", "das vCenter"],
      ["Jeder Server", "sein BMC, über Redfish oder IPMI"],
    ],
    sample: "Oder sehen Sie sich erst um",
    sampleWhat: (hosts: number, vms: number) =>
      `Ein Beispielpool mit ${hosts} Hosts und ${vms} VMs, auf dieser Maschine simuliert. Machen Sie ruhig etwas kaputt.`,
    open: "Beispielpool öffnen",
    opening: "Wird gemacht",
    mark: "Beispiel",
    marked: "Er bleibt auf jeder Seite gekennzeichnet, und ein Klick entfernt alles.",
    then: "Danach, in etwa zehn Minuten",
    thens: [
      ["Einen Server hinzufügen", "hier sind Sie"],
      ["Sehen, was mit ihm stirbt", "die Ausfallkarte, von selbst fertig"],
      ["Ihm einen Todesbeweis geben", "BMC-Passwort oder ein Speicher-Lease"],
      ["Ihre VMs schützen", "welche zuerst wiederkommen, und wo"],
    ],
  },
);

/** `onBegun` is told once somebody is found at an address: from then on nothing may take this away. */
export function Start({ onBegun }: { onBegun: () => void }) {
  const t = useWords(words);
  return (
    <div className="ap-start">
      <div>
        <h1>{t.title}</h1>
        <p className="ap-subtle">{t.lead}</p>
      </div>
      <div className="ap-start__two">
        <section className="ap-card ap-start__card" aria-labelledby="start-first">
          <div className="ap-row ap-row--wrap">
            <h2 id="start-first" className="ap-grow">
              <Icon name="server" tone="running" /> {t.first}
            </h2>
            <span className="ap-small ap-subtle">{t.firstWhat}</span>
          </div>
          <AddServer whole={false} onBegun={onBegun} />
          <p>
            <span className="ap-strong">{t.any}</span> <span className="ap-subtle">{t.finds}</span>
          </p>
          <ul className="ap-start__kinds">
            {t.kinds.map(([name, how]) => (
              <li key={name}>
                {name}
                <br />
                <span className="ap-small ap-subtle">{how}</span>
              </li>
            ))}
          </ul>
        </section>
        <div className="ap-stack">
          <SampleCard />
          <section className="ap-card ap-start__card" aria-labelledby="start-then">
            <h2 id="start-then">{t.then}</h2>
            <ol className="ap-start__then">
              {t.thens.map(([what, how], index) => (
                <li key={what} className={index === 0 ? "ap-wizard__here" : ""}>
                  <span className="ap-wizard__number">{index + 1}</span> <span className="ap-strong">{what}</span>
                  <br />
                  <span className="ap-small ap-subtle">{how}</span>
                </li>
              ))}
            </ol>
          </section>
        </div>
      </div>
    </div>
  );
}

function SampleCard() {
  const t = useWords(words);
  const may = useMay("administrator");
  const state = useRead<SampleState>("/sample");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [once] = useState(newKey);
  async function open(): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await send<SampleState>("POST", "/sample", { once });
      await queries.invalidateQueries();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  }
  if (!state.data) return null;
  return (
    <section className="ap-card ap-start__card" aria-labelledby="start-sample">
      <h2 id="start-sample">
        <Icon name="flask" tone="plan" /> {t.sample}
      </h2>
      <p>{t.sampleWhat(state.data.hosts, state.data.vms)}</p>
      <div className="ap-start__sample">
        <div className="ap-start__racks" aria-hidden="true">
          {[0, 1, 2, 3].map((rack) => (
            <svg key={rack} viewBox="0 0 60 76">
              {[0, 1, 2, 3, 4, 5, 6].map((unit) => (
                <rect key={unit} x="0" y={unit * 11} width={60 - ((rack * 7 + unit * 13) % 24)} height="8" rx="2" />
              ))}
            </svg>
          ))}
        </div>
        <button type="button" className="ap-button ap-button--sample" disabled={busy || !may} onClick={() => void open()}>
          <Icon name="play" /> {busy ? `${t.opening}…` : t.open}
        </button>
      </div>
      {problem && <ProblemBox problem={problem} />}
      <p className="ap-small ap-subtle">
        <span className="ap-label ap-label--plan">
          <Icon name="flask" /> {t.mark}
        </span>{" "}
        {t.marked}
      </p>
      <code>{command(openSample().words)}</code>
    </section>
  );
}
