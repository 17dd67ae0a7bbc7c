/** The steps on a time line, with what each waits for; planned above, as it was below. */
import { useEffect, useState } from "react";
import type { Picture, Step } from "../../api/types";
import { useWords } from "../../i18n";
import { span } from "../../i18n/format";
import { arrows, pretty } from "../../pictures/pretty";
import { layoutSteps, type Planned } from "../../pictures/schedule";
import { clock } from "../../pictures/time";
import { useWidth } from "../../pictures/useWidth";
import { PlainTable } from "../../ui/PlainTable";
import { words } from "./words";

const FIRST = 40;

interface Props {
  readonly steps: readonly Step[];
  readonly picture: Picture;
  /** When the run began and ended, in seconds since 1970. */
  readonly begin: number | null;
  readonly ended: number | null;
  readonly chosen: number;
  readonly choose: (step: number) => void;
}

export function StepSchedule({ steps, picture, begin, ended, chosen, choose }: Props) {
  const t = useWords(words);
  const [box, width] = useWidth<HTMLDivElement>();
  const [all, setAll] = useState(false);
  const now = useNow(begin !== null && ended === null);
  const shown = all ? steps : steps.slice(0, FIRST);
  const drawing = layoutSteps(planned(shown, picture, begin), Math.max(120, width), begin === null ? 0 : (ended ?? now) - begin);
  const states = new Map(steps.map((one) => [one.number, one.state ?? ""]));
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="steps">
      <div className="ap-row ap-row--wrap">
        <h2 id="steps">{t.steps}</h2>
        <span className="ap-grow" />
        <span className="ap-small ap-row ap-legend" aria-hidden="true">
          <span className="ap-legend__planned" /> {t.legendPlanned}
          {begin !== null && (
            <>
              <span className="ap-legend__actual" /> {t.legendActual}
            </>
          )}
        </span>
      </div>
      <div className="ap-schedule">
        <ol className="ap-schedule__steps">
          {shown.map((one) => (
            <li key={one.number}>
              <button
                type="button"
                className={`ap-schedule__step${one.number === chosen ? " ap-schedule__step--chosen" : ""}`}
                aria-pressed={one.number === chosen}
                onClick={() => choose(one.number)}
                title={one.text}
              >
                <span className="ap-stepnumber">{one.number}</span>
                <span className="ap-cut">{pretty(one.text)}</span>
              </button>
            </li>
          ))}
        </ol>
        <div ref={box} className="ap-schedule__time">
          {width > 0 && (
            <svg width={width} height={drawing.height} aria-hidden="true">
              {drawing.lines.map((line) => (
                <g key={line.seconds}>
                  <line x1={line.x + 0.5} x2={line.x + 0.5} y1="20" y2={drawing.height} className="ap-axis" />
                  <text x={line.x} y="13" textAnchor={line.seconds ? "middle" : "start"} className="ap-axis__text">
                    {line.seconds ? clock(line.seconds) : t.start}
                  </text>
                </g>
              ))}
              {drawing.links.map((link) => (
                <g key={`${link.from} ${link.to}`} className={link.to === chosen || link.from === chosen ? "ap-link ap-link--chosen" : "ap-link"}>
                  <path d={link.path} />
                  <path d={link.tip} className="ap-link__tip" />
                </g>
              ))}
              {drawing.rows.map((row) => (
                <g key={row.number} onClick={() => choose(row.number)}>
                  <rect
                    x={row.planned.x + 0.5}
                    y={row.y + 0.5}
                    width={row.planned.width}
                    height={row.actual ? 9 : 19}
                    rx="3"
                    className={`ap-step${row.number === chosen ? " ap-step--chosen" : ""}`}
                  />
                  {row.actual && (
                    <rect
                      x={row.actual.x}
                      y={row.y + 11}
                      width={row.actual.width}
                      height="9"
                      rx="3"
                      className={`ap-actual ap-actual--${states.get(row.number)}`}
                    />
                  )}
                </g>
              ))}
            </svg>
          )}
        </div>
      </div>
      {shown.length < steps.length && (
        <button type="button" className="ap-button ap-button--link" onClick={() => setAll(true)}>
          {t.all(steps.length)}
        </button>
      )}
      <details>
        <summary className="ap-small">{t.asTable}</summary>
        <AsTable steps={steps} />
      </details>
    </section>
  );
}

function planned(steps: readonly Step[], picture: Picture, begin: number | null): Planned[] {
  const times = new Map(picture.steps.map((one) => [one.number, one]));
  const since = (at: number | null | undefined): number | null =>
    begin === null || !at ? null : Math.max(0, at - begin);
  return steps.map((one) => ({
    number: one.number,
    after: one.after,
    begins_ms: times.get(one.number)?.begins_ms ?? 0,
    ends_ms: times.get(one.number)?.ends_ms ?? 0,
    began_s: since(one.begun_at),
    ended_s: since(one.ended_at),
  }));
}

/** Seconds since 1970, counted on while something runs. */
function useNow(runs: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!runs) return;
    const timer = window.setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}

function AsTable({ steps }: { steps: readonly Step[] }) {
  const t = useWords(words);
  return (
    <PlainTable label={`${t.steps}: ${t.asTable}`} head={[t.number, t.what, t.why, t.waitsFor, t.time, t.state]}>
      {steps.map((one) => (
        <tr key={one.number}>
          <td>{one.number}</td>
          <th scope="row">{pretty(one.text)}</th>
          <td>{arrows(one.why)}</td>
          <td>{one.after.length ? one.after.join(", ") : t.nothingWaits}</td>
          <td>
            {span(one.cost.duration_ms / 1000)}
            {Boolean(one.took_ms) && <div className="ap-running">{t.was(span((one.took_ms ?? 0) / 1000))}</div>}
          </td>
          <td>{one.state ? (t.states[one.state as keyof typeof t.states] ?? one.state) : ""}</td>
        </tr>
      ))}
    </PlainTable>
  );
}
