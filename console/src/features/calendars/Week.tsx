/** The coming days as a picture: a line for each server, a block for what it bears; then the changes. */
import type { ForeseenWeek, Turn } from "../../api/types";
import { useLanguage, useWords } from "../../i18n";
import { bytes, span, wall, wallDay } from "../../i18n/format";
import { HEAD, layoutWeek, ROW, type Block } from "../../pictures/week";
import { useWidth } from "../../pictures/useWidth";
import { Icon } from "../../ui/Icon";
import { PlainTable } from "../../ui/PlainTable";
import "./calendars.css";
import { words, type CalendarWords } from "./words";

const WIDE_NAMES = 130;
const NARROW_NAMES = 76;
const LETTER = 7;
/** A day narrower than this has room for its number only. */
const WIDE_DAY = 62;

export function Week({ of }: { of: ForeseenWeek }) {
  const t = useWords(words);
  useLanguage();
  const [box, width] = useWidth<HTMLDivElement>();
  const left = width < 600 ? NARROW_NAMES : WIDE_NAMES;
  const week = layoutWeek(of.begins, of.ends, of.turns, Math.max(width, 240), left);
  if (week.rows.length === 0) return <p className="ap-warn">{t.noServers}</p>;
  return (
    <>
      <div ref={box} className="ap-week">
        {width > 0 && (
          <svg width={width} height={week.height + 2} aria-hidden="true">
            {week.days.map((day) => (
              <g key={day.at}>
                <line x1={day.x} x2={day.x} y1="16" y2={week.height} className="ap-axis" />
                {day.width > 18 && (
                  <text x={day.x + 4} y="26">
                    {wallDay(day.at, day.width >= WIDE_DAY)}
                  </text>
                )}
              </g>
            ))}
            {week.rows.map((row) => (
              <g key={row.server}>
                <text x="0" y={row.y + 17} className="ap-week__server">
                  {shortened(row.server, left - 8)}
                </text>
                {row.blocks.map((block) => (
                  <Drawn key={block.x} block={block} y={row.y} t={t} />
                ))}
              </g>
            ))}
            {week.changes.map((x) => (
              <line key={x} x1={x} x2={x} y1={HEAD - 4} y2={week.height} className="ap-week__change" />
            ))}
          </svg>
        )}
      </div>
      <p className="ap-week__legend ap-small ap-subtle" aria-hidden="true">
        {week.marks.map(([mark, name]) => (
          <span key={name}>
            <span className="ap-week__mark">{mark}</span> {name}
          </span>
        ))}
        <span>
          <span className="ap-week__mark">+</span> {t.hypervisor}
        </span>
        <span>
          <span className="ap-week__key ap-week__key--now" /> {t.soNow}
        </span>
        <span>
          <span className="ap-week__key ap-week__key--foreseen" /> {t.foreseen}
        </span>
      </p>
      <details>
        <summary>{t.asTable}</summary>
        <PlainTable label={t.week} head={[t.server, t.from, t.to, t.bears]}>
          {week.rows.flatMap((row) =>
            row.blocks.map((block) => (
              <tr key={`${row.server} ${block.begins}`}>
                <th scope="row">{row.server}</th>
                <td>{wall(block.begins)}</td>
                <td>{wall(block.ends)}</td>
                <td>{said(block, t)}</td>
              </tr>
            )),
          )}
        </PlainTable>
      </details>
      <p className="ap-small ap-subtle">{t.zoned(of.zone)}</p>
    </>
  );
}

function said(block: Block, t: CalendarWords): string {
  if (block.what === "profile") return block.profile;
  return block.what === "hypervisor" ? t.hypervisor : t.bearsNothing;
}

function shortened(text: string, room: number): string {
  const most = Math.floor(room / LETTER);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

function Drawn({ block, y, t }: { block: Block; y: number; t: CalendarWords }) {
  const whole = said(block, t);
  const fits = whole.length * LETTER + 12 <= block.width;
  const text = fits ? whole : block.mark;
  const room = Math.max(1, block.width - 2);
  return (
    <g className={`ap-week__block ap-week__block--${block.what}${block.now ? " ap-week__block--now" : ""}`}>
      <rect x={block.x + 1} y={y + 2} width={room} height={ROW - 4} rx="3" />
      {(fits || block.width >= LETTER + 4) && (
        <text x={block.x + (fits ? 7 : block.width / 2)} y={y + 17} textAnchor={fits ? "start" : "middle"}>
          {text}
        </text>
      )}
      <title>{`${whole}, ${wall(block.begins)} – ${wall(block.ends)}`}</title>
    </g>
  );
}

/** Each change with its price, its steps, and what is against it. */
export function Changes({ of }: { of: ForeseenWeek }) {
  const t = useWords(words);
  useLanguage();
  return (
    <>
      <ul className="ap-changes">
        {of.turns.map((turn) => (
          <li key={turn.begins || "so far"}>
            <span className="ap-strong">{turn.begins ? wall(turn.begins) : t.soFar}</span>
            <div className="ap-stack">
              <p>
                <span className="ap-strong">{turn.purpose || t.asIs}</span>{" "}
                <span className="ap-subtle">
                  {t.causes[turn.cause as keyof typeof t.causes]}
                  {turn.words && `: ${turn.words}`}
                </span>
              </p>
              <Price turn={turn} t={t} />
              {turn.missing.map((one) => (
                <p key={one.name} className="ap-loss">
                  <Icon name="warn" /> {t.missing(one.name)} {one.why}
                </p>
              ))}
              {turn.against && (
                <p className="ap-loss">
                  <Icon name="warn" /> {t.refused} {turn.against}
                </p>
              )}
              {turn.plan && turn.plan.steps.length > 0 && (
                <details>
                  <summary>{t.steps(turn.plan.steps.length)}</summary>
                  <ol>
                    {turn.plan.steps.map((step) => (
                      <li key={step.number}>
                        {step.text} {step.why && <span className="ap-subtle">{step.why}</span>}
                      </li>
                    ))}
                  </ol>
                </details>
              )}
            </div>
          </li>
        ))}
      </ul>
      {of.vanished.map((one) => (
        <p key={`${one.day} ${one.when}`} className="ap-warn">
          <Icon name="warn" tone="warn" /> {t.vanished(one.purpose, one.when, one.day)}
        </p>
      ))}
    </>
  );
}

function Price({ turn, t }: { turn: Turn; t: CalendarWords }) {
  if (!turn.plan) return <p className="ap-subtle">{turn.against ? t.unreached : t.nothingToDo}</p>;
  const { cost, steps } = turn.plan;
  const told = [t.cost(steps.length, span(cost.duration_ms / 1000)), cost.copy_bytes > 0 && t.copies(bytes(cost.copy_bytes))];
  return <p className="ap-plan">{told.filter(Boolean).join(", ")}</p>;
}
