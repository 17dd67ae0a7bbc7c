/** What happened on one axis of time, a lane for each kind; the story below says the same in words. */
import { LANE, layoutLanes, type Happened, type Started } from "../pictures/lanes";
import { clock } from "../pictures/time";
import { useWidth } from "../pictures/useWidth";
import "./lanes.css";

const LEFT = 116;
const NARROW = 480;

interface Props {
  readonly entries: readonly (Happened & { readonly message: string })[];
  readonly steps: readonly Started[];
  /** How far the axis reaches at least, in the seconds of the entries. */
  readonly now: number;
  readonly names: Readonly<Record<string, string>>;
  readonly stepsName: string;
  /** Where a line stands that says how far it was played; what comes later is faint. */
  readonly cursor?: number;
}

export function LanesPicture({ entries, steps, now, names, stepsName, cursor }: Props) {
  const [box, width] = useWidth<HTMLDivElement>();
  const drawing = layoutLanes(entries, steps, Math.max(width, NARROW), LEFT, now);
  const first = Math.min(...entries.map((one) => one.at), ...steps.map((one) => one.began));
  return (
    <div ref={box} className="ap-lanes">
      {width >= NARROW && (
        <svg width={width} height={drawing.height} aria-hidden="true">
          {drawing.lines.map((line) => (
            <g key={line.seconds}>
              <line x1={line.x} x2={line.x} y1="20" y2={drawing.height} className="ap-axis" />
              <text x={line.x} y="12" textAnchor="middle">
                {clock(line.seconds)}
              </text>
            </g>
          ))}
          {drawing.lanes.map((lane) => (
            <g key={lane.what}>
              <line x1="0" x2={width} y1={lane.y + LANE} y2={lane.y + LANE} className="ap-axis" />
              <text x="0" y={lane.y + 22} className="ap-lanes__name">
                {names[lane.what] ?? lane.what}
              </text>
              {lane.marks.map((mark) => (
                <path
                  key={mark.index}
                  d={shape(lane.what, mark.x, lane.y + LANE / 2)}
                  className={`ap-mark ap-mark--${lane.what}${isLater(entries[mark.index], cursor) ? " ap-mark--later" : ""}`}
                >
                  <title>{entries[mark.index]?.message}</title>
                </path>
              ))}
            </g>
          ))}
          {drawing.starts.spans.length > 0 && (
            <text x="0" y={drawing.starts.y + 22} className="ap-lanes__name">
              {stepsName}
            </text>
          )}
          {drawing.starts.spans.map((one, index) => (
            <g key={index}>
              <line x1={one.x} x2={one.x + one.planned} y1={one.y + 3.5} y2={one.y + 3.5} className="ap-span--planned" />
              <line x1={one.x} x2={one.x + one.width} y1={one.y} y2={one.y} className="ap-span">
                <title>{one.name}</title>
              </line>
            </g>
          ))}
          {cursor !== undefined && <Cursor x={drawing.place(first + cursor)} height={drawing.height} />}
        </svg>
      )}
    </div>
  );
}

function Cursor({ x, height }: { x: number; height: number }) {
  return <line x1={x} x2={x} y1="16" y2={height} className="ap-lanes__now" />;
}

function isLater(entry: Happened | undefined, cursor: number | undefined): boolean {
  return cursor !== undefined && entry !== undefined && entry.at > cursor;
}

/** Each lane has a mark of its own, so that colour need not say it. */
function shape(what: string, x: number, y: number): string {
  if (what === "observation") return `M${x} ${y - 8}v16`;
  if (what === "plan" || what === "decision") return `M${x} ${y - 7}l7 7l-7 7l-7 -7z`;
  if (what === "proof") return `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`;
  if (what === "deed") return `M${x - 4} ${y - 7}l11 7l-11 7z`;
  return `M${x - 5} ${y - 5}h10v10h-10z`;
}
