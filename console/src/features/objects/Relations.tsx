/** What an object hangs on and what hangs on it: columns of boxes, joined by lines. */
import { Link } from "wouter";
import { Icon, type IconName } from "../../ui/Icon";
import { Card } from "./parts";

export interface Related {
  readonly icon: IconName;
  readonly name: string;
  readonly note?: string;
  readonly href?: string;
  readonly here?: boolean;
}

/** Columns from what it rests on to what rests on it. */
export function Relations({ title, columns }: { title: string; columns: readonly (readonly Related[])[] }) {
  const drawn = columns.filter((one) => one.length > 0);
  return (
    <Card title={title} wide>
      <div className="ap-relations">
        {drawn.map((column, index) => (
          <ul key={index} className="ap-relations__column">
            {column.map((one) => (
              <li key={`${one.icon} ${one.name}`} className={one.here ? "ap-relations__here" : ""}>
                <Icon name={one.icon} tone="subtle" />
                {one.href ? (
                  <Link href={one.href} className="ap-cut">
                    {one.name}
                  </Link>
                ) : (
                  <span className="ap-cut">{one.name}</span>
                )}
                {one.note && <span className="ap-small ap-least">{one.note}</span>}
              </li>
            ))}
          </ul>
        ))}
      </div>
    </Card>
  );
}
