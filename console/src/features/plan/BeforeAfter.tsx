/** Hosts before and after, with a curve for each VM that changes its host. */
import type { Picture } from "../../api/types";
import { useWords } from "../../i18n";
import { mib, number } from "../../i18n/format";
import { layoutMoves, percentOf, type Strip } from "../../pictures/moves";
import { useWidth } from "../../pictures/useWidth";
import { PlainTable } from "../../ui/PlainTable";
import { words } from "./words";

const NARROW = 540;

interface Props {
  readonly picture: Picture;
  readonly chosen: number;
  readonly choose: (step: number) => void;
}

export function BeforeAfter({ picture, chosen, choose }: Props) {
  const t = useWords(words);
  const [box, width] = useWidth<HTMLDivElement>();
  const most = Math.max(0, ...picture.hosts.map((one) => one.before.memory_mib));
  if (!picture.hosts.length) return null;
  return (
    <section className="ap-card ap-card--padded" aria-labelledby="before-after">
      <div className="ap-row ap-row--wrap">
        <h2 id="before-after">{t.beforeAfter}</h2>
        <span className="ap-small ap-least">{t.memoryOf(mib(most))}</span>
        <span className="ap-grow" />
        <span className="ap-small ap-subtle ap-row">
          <span className="ap-stepnumber" aria-hidden="true">
            n
          </span>
          {t.widthIs}
        </span>
      </div>
      {!picture.kept && <p className="ap-small ap-warn">{t.notKept}</p>}
      {picture.stopped_at > 0 && picture.kept && (
        <p className="ap-small ap-warn">{t.stopsAt(picture.stopped_at)}</p>
      )}
      <div ref={box} className="ap-moves">
        {width >= NARROW && <Drawn picture={picture} width={width} chosen={chosen} choose={choose} />}
      </div>
      <p className="ap-small ap-subtle">
        {picture.others > 0 &&
          t.othersStay(picture.others, number(picture.least_percent), number(picture.most_percent))}{" "}
        {picture.more > 0 && t.moreHosts(picture.more)}
      </p>
      <details open={width > 0 && width < NARROW}>
        <summary className="ap-small">{t.asTable}</summary>
        <AsTable picture={picture} />
      </details>
    </section>
  );
}

function Drawn({ picture, width, chosen, choose }: Props & { width: number }) {
  const t = useWords(words);
  const { rows, curves, height } = layoutMoves(picture.hosts, width);
  return (
    <>
      <div className="ap-row ap-moves__sides" aria-hidden="true">
        <strong>{t.before}</strong>
        <span className="ap-grow" />
        <strong>{t.after}</strong> <span className="ap-plan ap-small">{t.predicted}</span>
      </div>
      <svg className="ap-moves__drawing" width={width} height={height} aria-hidden="true">
        {curves.map((one) => (
          <path
            key={one.steps.join()}
            d={one.path}
            strokeWidth={one.width}
            className={`ap-curve${one.steps.includes(chosen) ? " ap-curve--chosen" : ""}`}
            onClick={() => choose(one.steps[0] ?? 0)}
          />
        ))}
        {rows.map((row) => (
          <g key={row.host} transform={`translate(0 ${row.y})`}>
            <text x="0" y="17" className="ap-moves__name">
              {row.name.length > 15 ? `${row.name.slice(0, 14)}…` : row.name}
            </text>
            <Bar strip={row.before} strong={row.changes} chosen={chosen} choose={choose} />
            <Bar strip={row.after} strong={row.changes} chosen={chosen} choose={choose} after />
          </g>
        ))}
      </svg>
    </>
  );
}

interface BarProps {
  readonly strip: Strip;
  readonly strong: boolean;
  readonly chosen: number;
  readonly choose: (step: number) => void;
  readonly after?: boolean;
}

function Bar({ strip, strong, chosen, choose, after }: BarProps) {
  const t = useWords(words);
  const note = strip.state !== "up" ? t.hostStates[strip.state as keyof typeof t.hostStates] : strip.maintenance ? t.closed : "";
  return (
    <>
      <rect
        x={strip.x - 3}
        y="0"
        width={strip.width + 6}
        height="24"
        rx="3"
        className={`ap-moves__bay${note ? " ap-moves__bay--away" : ""}`}
      />
      {note && (
        <text x={strip.x + strip.width - 6} y="16" textAnchor="end" className="ap-moves__note">
          {note}
        </text>
      )}
      {strip.blocks.map((one, index) => {
        const kind = one.step === 0 ? `ap-fill-${strip.level}` : after ? "ap-block--comes" : "ap-block--goes";
        return (
          <g key={index} onClick={() => one.step && choose(one.step)}>
            <rect
              x={one.x + 0.5}
              y={one.step && after ? 3.5 : 3}
              width={Math.max(0.7, one.width - 1.5)}
              height={one.step && after ? 17 : 18}
              rx="2"
              className={`${kind}${one.step && one.step === chosen ? " ap-block--chosen" : ""}`}
            >
              <title>{one.name}</title>
            </rect>
            {one.step > 0 && one.width >= 11 && (
              <text
                x={one.x + one.width / 2 - 0.25}
                y="16"
                textAnchor="middle"
                className={after ? "ap-block__comes" : "ap-block__goes"}
              >
                {one.step}
              </text>
            )}
          </g>
        );
      })}
      <text
        x={strip.x + strip.width + 10}
        y="17"
        className={`ap-moves__percent${strong ? (after ? " ap-moves__percent--after" : " ap-moves__percent--before") : ""}`}
      >
        {t.percent(number(strip.percent))}
      </text>
    </>
  );
}

function AsTable({ picture }: { picture: Picture }) {
  const t = useWords(words);
  const name = (step: number, vm: string): string => `${vm} (${step})`;
  return (
    <PlainTable label={`${t.beforeAfter}: ${t.asTable}`} head={[t.host, t.before, t.after, t.change]}>
      {picture.hosts.map((one) => {
        const goes = one.before.parts.filter((part) => part.step).map((part) => name(part.step, part.name));
        const comes = one.after.parts.filter((part) => part.step).map((part) => name(part.step, part.name));
        return (
          <tr key={one.host}>
            <th scope="row">{one.name}</th>
            <td>{t.percent(number(percentOf(one.before)))}</td>
            <td className="ap-plan">{t.percent(number(percentOf(one.after)))}</td>
            <td>
              {goes.length > 0 && <div>{t.leaves(goes.join(", "))}</div>}
              {comes.length > 0 && <div>{t.comes(comes.join(", "))}</div>}
              {!goes.length && !comes.length && <span className="ap-least">{t.staysAs}</span>}
            </td>
          </tr>
        );
      })}
    </PlainTable>
  );
}

