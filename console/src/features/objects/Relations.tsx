/** What an object hangs on and what hangs on it: columns of boxes, joined by curves. */
import { Link } from "wouter";
import { layoutRelations, type Box } from "../../pictures/relations";
import { useWidth } from "../../pictures/useWidth";
import { Icon, type IconName } from "../../ui/Icon";
import { Card } from "./parts";

export interface Related {
  readonly icon: IconName;
  readonly name: string;
  readonly note?: string;
  readonly href?: string;
  readonly here?: boolean;
  /** What others join it by; icon and name where it is left out. */
  readonly key?: string;
  /** Keys of those in the next column that it belongs to; all where it is left out. */
  readonly joins?: readonly string[];
}

const NARROW = 620;

function keyOf(one: Related): string {
  return one.key ?? `${one.icon} ${one.name}`;
}

function boxOf(one: Related): Box {
  return { key: keyOf(one), ...(one.joins && { joins: one.joins }) };
}

/** Columns from what it rests on to what rests on it. */
export function Relations({ title, columns }: { title: string; columns: readonly (readonly Related[])[] }) {
  const [box, width] = useWidth<HTMLDivElement>();
  const drawn = columns.filter((one) => one.length > 0);
  const { height, edges } = layoutRelations(drawn.map((one) => one.map(boxOf)), width);
  return (
    <Card title={title} wide>
      <div ref={box} className={`ap-relations${width >= NARROW ? " ap-relations--drawn" : ""}`}>
        {width >= NARROW && (
          <svg className="ap-relations__lines" width={width} height={height} aria-hidden="true">
            {edges.map((one) => (
              <path key={`${one.from} ${one.to}`} d={one.path} />
            ))}
          </svg>
        )}
        {drawn.map((column, index) => (
          <ul key={index} className="ap-relations__column">
            {column.map((one) => (
              <li key={keyOf(one)} className={one.here ? "ap-relations__here" : ""}>
                <Icon name={one.icon} tone="subtle" />
                {one.href ? (
                  <Link href={one.href} className="ap-cut">
                    {one.name}
                  </Link>
                ) : (
                  <span className="ap-cut">{one.name}</span>
                )}
                {one.note && <span className="ap-small ap-least ap-cut">{one.note}</span>}
              </li>
            ))}
          </ul>
        ))}
      </div>
    </Card>
  );
}
