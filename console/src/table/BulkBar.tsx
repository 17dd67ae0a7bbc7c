import { useState } from "react";
import { useLive } from "../api/live";
import { useMay } from "../api/session";
import { useWords } from "../i18n";
import { number } from "../i18n/format";
import { Deeds, type Deed } from "../ui/Deeds";
import { Icon, type IconName } from "../ui/Icon";
import type { ListOf } from "./column";
import { everything } from "./csv";
import { words } from "./words";

/** What can be done to several rows at once. */
export interface Bulk<T> {
  readonly key: string;
  readonly label: string;
  readonly icon: IconName;
  readonly deed: Deed;
  /** Only a mark of the type of rows it is for. */
  readonly of?: T;
}

interface Props<T> {
  readonly actions: readonly Bulk<T>[];
  readonly list: ListOf<T>;
  readonly query: string;
  readonly total: number;
  readonly selected: ReadonlyMap<string, string>;
  readonly onSelect: (keys: ReadonlyMap<string, string>) => void;
}

export function BulkBar<T>({ actions, list, query, total, selected, onSelect }: Props<T>) {
  const t = useWords(words);
  const [doing, setDoing] = useState<Bulk<T> | null>(null);
  const live = useLive().state === "live";
  const may = useMay("operator");
  async function all(): Promise<void> {
    const rows = await everything<T>(list.path, query);
    onSelect(new Map(rows.map((one) => [list.row(one).key, list.row(one).name])));
  }
  return (
    <div className="ap-bulk" role="region" aria-label={t.selected(number(selected.size))}>
      <span className="ap-strong">{t.selected(number(selected.size))}</span>
      {selected.size < total && (
        <button type="button" className="ap-button ap-button--link" onClick={() => void all()}>
          {t.selectAll(number(total))}
        </button>
      )}
      {actions.map((action) => (
        <button
          key={action.key}
          type="button"
          className="ap-button"
          disabled={!live || !may}
          onClick={() => setDoing(action)}
        >
          <Icon name={action.icon} /> {action.label}
        </button>
      ))}
      <span className="ap-grow" />
      <span className="ap-small ap-plan">
        <Icon name="route" /> {t.previewFirst}
      </span>
      <button
        type="button"
        className="ap-button ap-button--plain"
        aria-label={t.unselect}
        onClick={() => onSelect(new Map())}
      >
        <Icon name="times" />
      </button>
      {doing && (
        <Deeds
          title={doing.label}
          deed={doing.deed}
          targets={[...selected].map(([key, name]) => ({ key, name }))}
          onClose={() => setDoing(null)}
        />
      )}
    </div>
  );
}
