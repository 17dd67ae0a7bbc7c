/** A host is emptied and closed. */
import { useState } from "react";
import { useParams } from "wouter";
import { useRows } from "../../api/queries";
import type { Host } from "../../api/types";
import { useWords } from "../../i18n";
import { mib } from "../../i18n/format";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { command, evacuateHost } from "./deed";
import { words } from "./deedwords";
import { Field } from "./Field";
import { PlanWizard } from "./PlanWizard";

export default function Maintain() {
  const t = useWords(words).maintain;
  const { key = "" } = useParams<{ key?: string }>();
  const hosts = useRows<Host>("/hosts", { q: "order by name", limit: 500 });
  const [chosen, setChosen] = useState("");
  if (hosts.error) return <ProblemBox problem={hosts.error} again={() => void hosts.refetch()} />;
  if (!hosts.data) return <Waiting />;
  const wanted = chosen || key;
  const host = hosts.data.items.find((one) => one.id === wanted || one.name === wanted) ?? hosts.data.items[0];
  return (
    <PlanWizard
      title={t.title}
      lead={t.lead}
      asked={host ? evacuateHost(host.id, host.name) : null}
      values={{ host: host?.name ?? "" }}
      after={() => (
        <span>
          {t.leave} <code>{command(["host", "leave", host?.name ?? ""])}</code>
        </span>
      )}
      asks={(wrong) => [
        {
          title: t.which,
          blocked: !host,
          body: (
            <Field
              label={t.host}
              name="host"
              problem={wrong("host")}
              help={host && (host.maintenance ? t.closed : t.runs(host.vms, mib(host.memory_free_mib)))}
            >
              {(wired) => (
                <select {...wired} value={host?.id ?? ""} onChange={(event) => setChosen(event.target.value)}>
                  {hosts.data.items.map((one) => (
                    <option key={one.id} value={one.id}>
                      {one.name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          ),
        },
      ]}
    />
  );
}
