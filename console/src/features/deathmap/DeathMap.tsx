/** What would die, pool by pool. Nothing here does anything but think. */
import { useLocation, useSearch } from "wouter";
import { useRows } from "../../api/queries";
import type { Pool } from "../../api/types";
import { useWords } from "../../i18n";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { MOST, NOTHING, asking } from "./choice";
import "./deathmap.css";
import { MapOfPool } from "./MapOfPool";
import { words } from "./words";

const PATH = "/deathmap";

export default function DeathMap() {
  const t = useWords(words);
  const pools = useRows<Pool>("/pools", { limit: MOST });
  const wanted = new URLSearchParams(useSearch()).get("pool");
  const [, go] = useLocation();
  const name = wanted || (pools.data?.items.find((one) => one.hosts > 0) ?? pools.data?.items[0])?.id;
  if (pools.error)
    return (
      <div className="ap-page">
        <h1>{t.title}</h1>
        <ProblemBox problem={pools.error} />
      </div>
    );
  if (!pools.data) return <Waiting />;
  return (
    <div className="ap-page ap-deathmap">
      <div className="ap-page__head">
        <h1>{t.title}</h1>
        {pools.data.items.length > 1 && (
          <label className="ap-small">
            {t.pool}{" "}
            <select
              className="ap-select"
              value={name}
              onChange={(event) => go(`${PATH}${asking(NOTHING, event.target.value)}`, { replace: true })}
            >
              {pools.data.items.map((one) => (
                <option key={one.id}>{one.id}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {name ? <MapOfPool key={name} pool={name} base={PATH} /> : <p className="ap-card ap-empty">{t.noHosts}</p>}
    </div>
  );
}
