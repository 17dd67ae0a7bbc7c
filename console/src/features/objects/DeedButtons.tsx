import { useState } from "react";
import { useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { useWords } from "../../i18n";
import { Deeds, type Deed } from "../../ui/Deeds";
import { Icon, type IconName } from "../../ui/Icon";
import { words } from "./words";

export interface Named {
  readonly label: string;
  readonly icon: IconName;
  readonly deed: Deed;
  /** Whether it makes sense for how the object is now. */
  readonly fits: boolean;
}

/** The deeds that fit now as buttons: two at once, the others in a menu. */
export function DeedButtons({ deeds, target, role = "operator" }: {
  deeds: readonly Named[];
  target: { readonly key: string; readonly name: string };
  role?: "operator" | "administrator";
}) {
  const t = useWords(words);
  const live = useLive().state === "live";
  const may = useMay(role);
  const [doing, setDoing] = useState<Named | null>(null);
  const fitting = deeds.filter((one) => one.fits);
  const button = (one: Named) => (
    <button
      key={one.label}
      type="button"
      className="ap-button"
      disabled={!live || !may}
      onClick={() => setDoing(one)}
    >
      <Icon name={one.icon} tone={one.deed.danger ? "loss" : ""} /> {one.label}
    </button>
  );
  return (
    <>
      {fitting.slice(0, 2).map(button)}
      {fitting.length > 2 && (
        <details className="ap-drop">
          <summary className="ap-button">
            {t.actions} <Icon name="down" />
          </summary>
          <div className="ap-drop__menu">{fitting.slice(2).map(button)}</div>
        </details>
      )}
      {doing && (
        <Deeds title={doing.label} deed={doing.deed} targets={[target]} onClose={() => setDoing(null)} />
      )}
    </>
  );
}
