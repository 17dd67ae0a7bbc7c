/** A plan that ran: what was predicted, what it was, and which steps went otherwise. */
import type { Operation, Plan, Step } from "../../api/types";
import { useWords } from "../../i18n";
import { bytes, number, span } from "../../i18n/format";
import { pretty } from "../../pictures/pretty";
import { PlainTable } from "../../ui/PlainTable";
import { words } from "./words";

const WORST = 8;

export function Outcome({ plan, operation }: { plan: Plan; operation: Operation }) {
  const t = useWords(words);
  const took = operation.took;
  if (!took) return null;
  const { cost } = plan;
  const ended = operation.steps.filter((one) => one.state === "done").length;
  const rows: readonly (readonly [string, string, string, string])[] = [
    [t.stepsFigure, number(plan.steps.length), t.done(ended), ""],
    [t.takes, span(cost.duration_ms / 1000), span(took.duration_ms / 1000), off(took.duration_ms, cost.duration_ms)],
    [t.copies, cost.copy_bytes ? bytes(cost.copy_bytes) : t.none, took.copy_bytes ? bytes(took.copy_bytes) : t.none, off(took.copy_bytes, cost.copy_bytes)],
    [t.longestPause, `${number(cost.pause_ms)} ms`, `${number(took.pause_ms)} ms`, off(took.pause_ms, cost.pause_ms)],
  ];
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="outcome">
      <h2 id="outcome">{t.outcome}</h2>
      <PlainTable label={`${t.outcome}: ${t.asTable}`} head={[t.price, t.predicted, t.actual, t.apart]}>
        {rows.map(([label, predicted, actual, apart]) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            <td className="ap-plan">{predicted}</td>
            <td>{actual}</td>
            <td>{apart || "–"}</td>
          </tr>
        ))}
      </PlainTable>
      <Steps steps={operation.steps} />
    </section>
  );
}

/** How far it was from what was predicted; "" where nothing was. */
function off(actual: number, predicted: number): string {
  if (!predicted) return "";
  const percent = Math.round((100 * (actual - predicted)) / predicted);
  return `${percent > 0 ? "+" : percent < 0 ? "−" : "±"}${number(Math.abs(percent))} %`;
}

function Steps({ steps }: { steps: readonly Step[] }) {
  const t = useWords(words);
  const apart = (one: Step): number => Math.abs((one.took_ms ?? 0) - one.cost.duration_ms);
  const otherwise = steps.filter((one) => one.state !== "done" && one.state !== "waiting");
  const worst = steps
    .filter((one) => one.state === "done" && one.took_ms)
    .sort((a, b) => apart(b) - apart(a))
    .slice(0, WORST);
  if (!worst.length && !otherwise.length) return null;
  return (
    <>
      <h3>{t.furthest}</h3>
      <PlainTable label={t.furthest} head={[t.number, t.what, t.predicted, t.actual, t.apart]}>
        {[...otherwise, ...worst].map((one) => (
          <tr key={one.number}>
            <td>{one.number}</td>
            <th scope="row">{pretty(one.text)}</th>
            <td className="ap-plan">{span(one.cost.duration_ms / 1000)}</td>
            <td className={one.state === "done" ? "" : "ap-loss"}>
              {one.state === "done" ? span((one.took_ms ?? 0) / 1000) : (t.states[one.state as keyof typeof t.states] ?? one.state)}
              {one.state !== "done" && one.message && <div>{one.message}</div>}
            </td>
            <td>{one.state === "done" ? off(one.took_ms ?? 0, one.cost.duration_ms) || "–" : "–"}</td>
          </tr>
        ))}
      </PlainTable>
    </>
  );
}
