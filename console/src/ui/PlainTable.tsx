/** A plain table that says the same as a picture: it scrolls by itself, by keys as well. */
import type { ReactNode } from "react";
import "./plain.css";

interface Props {
  /** What the table is of, for who cannot see it. */
  readonly label: string;
  readonly head: readonly string[];
  /** Rows: `tr` with a `th` of scope row first. */
  readonly children: ReactNode;
  readonly card?: boolean;
}

export function PlainTable({ label, head, children, card }: Props) {
  return (
    <div
      className={`ap-scroll${card ? " ap-card ap-card--padded" : ""}`}
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table className="ap-plain">
        <thead>
          <tr>
            {head.map((one) => (
              <th key={one} scope="col">
                {one}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
