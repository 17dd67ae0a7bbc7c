import { useState } from "react";
import { send } from "../api/client";
import type { Problem } from "../api/problem";
import { queries, useRead, useRows } from "../api/queries";
import { useMay } from "../api/session";
import type { SampleState } from "../api/types";
import { useWords } from "../i18n";
import { Icon } from "../ui/Icon";
import { ProblemBox } from "../ui/ProblemBox";
import { words } from "./words";

interface Health {
  readonly simulated?: boolean;
}

export function useSimulated(): boolean {
  return useRead<Health>("/health").data?.simulated ?? false;
}

/** Only where something is not real: the whole of it, or the sample pool. */
export function Simulated() {
  const t = useWords(words);
  const simulated = useSimulated();
  // Of the endpoints, so that their notices make it old.
  const sample = useRows<unknown>("/endpoints", { q: "id = sample", limit: 1 });
  const state = useRead<SampleState>("/sample", {}, { enabled: (sample.data?.total ?? 0) > 0 });
  if (simulated)
    return (
      <p className="ap-simulated" role="note">
        {t.simulated}
      </p>
    );
  return sample.data?.total && state.data?.there ? <Sample /> : null;
}

function Sample() {
  const t = useWords(words);
  const may = useMay("administrator");
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  async function remove(): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await send("DELETE", "/sample");
      await queries.invalidateQueries();
    } catch (error) {
      setProblem(error as Problem);
    } finally {
      setBusy(false);
    }
  }
  return (
    <div className="ap-simulated" role="note">
      <Icon name="flask" /> {t.sample}{" "}
      {may && (
        <button
          type="button"
          className="ap-button ap-button--link"
          disabled={busy}
          onClick={() => (asking ? void remove() : setAsking(true))}
        >
          {busy ? t.removing : asking ? t.removeSure : t.removeSample}
        </button>
      )}
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}
