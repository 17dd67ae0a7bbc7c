import { useRead } from "../api/queries";
import { useWords } from "../i18n";
import { words } from "./words";

interface Health {
  readonly simulated?: boolean;
}

export function useSimulated(): boolean {
  return useRead<Health>("/health").data?.simulated ?? false;
}

/** Only where nothing is real. */
export function Simulated() {
  const t = useWords(words);
  if (!useSimulated()) return null;
  return (
    <p className="ap-simulated" role="note">
      {t.simulated}
    </p>
  );
}
