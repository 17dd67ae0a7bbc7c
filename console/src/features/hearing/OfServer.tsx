/** What the BMC of one server tells by itself: on that server's page. */
import { Link } from "wouter";
import { useRead } from "../../api/queries";
import type { Server, Subscriptions, Traps } from "../../api/types";
import { useWords } from "../../i18n";
import { moment, number } from "../../i18n/format";
import { Icon } from "../../ui/Icon";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { Card } from "../objects/parts";
import { words } from "./words";

export function OfServer({ server }: { server: Server }) {
  const t = useWords(words);
  const traps = useRead<Traps>("/traps");
  const pushes = useRead<Subscriptions>("/event-subscriptions");
  const problem = traps.error ?? pushes.error;
  const heard = (traps.data?.items ?? []).filter((one) => one.kind === "server" && one.name === server.name);
  const pushed = pushes.data?.items.find((one) => one.endpoint === server.endpoint);
  const known = traps.data !== undefined && pushes.data !== undefined;
  return (
    <Card title={t.ofServer}>
      {problem && <ProblemBox problem={problem} />}
      {!known && !problem && <Waiting />}
      <ul className="ap-lines">
        {heard.map((one) => (
          <li key={one.address}>
            <Icon name="heart" tone="subtle" />
            <div>
              <p>{t.trapsOf(number(one.received), moment(one.last_at))}</p>
              <p className="ap-subtle">{one.why || one.last}</p>
              {one.refused > 0 && <p className="ap-warn">{t.credentials}</p>}
            </div>
          </li>
        ))}
        {pushed && (
          <li>
            <Icon name={pushed.path ? "check" : "minus"} tone="subtle" />
            <span className={pushed.path || !pushed.message ? "" : "ap-warn"}>
              {!pushed.path
                ? t.pushesWhy(pushed.message)
                : pushed.last_at
                  ? t.pushesOf(number(pushed.received), moment(pushed.last_at))
                  : t.pushesNone}
            </span>
          </li>
        )}
      </ul>
      {known && heard.length === 0 && !pushed && <p className="ap-subtle">{t.ofServerNone}</p>}
      <p>
        <Link href="/bmc-events">{t.toAll}</Link>
      </p>
    </Card>
  );
}
