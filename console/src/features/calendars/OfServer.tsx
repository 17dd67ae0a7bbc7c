/** The calendar that repurposes a server: on that server's page. */
import { useQueries } from "@tanstack/react-query";
import { Link } from "wouter";
import { get } from "../../api/client";
import { useRead } from "../../api/queries";
import type { Calendars, Page, Server } from "../../api/types";
import { useWords } from "../../i18n";
import { written } from "../../search/query";
import { Icon } from "../../ui/Icon";
import { Moment } from "../../ui/Moment";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { Card } from "../objects/parts";
import { words } from "./words";

export function OfServer({ server }: { server: Server }) {
  const t = useWords(words);
  const found = useRead<Calendars>("/calendars");
  const all = found.data?.items ?? [];
  // One server obeys one calendar; which one, its query says.
  const matches = useQueries({
    queries: all.map((one) => {
      const query = { q: `(${one.servers}) and id = ${written(server.id)}`, limit: 1 };
      return { queryKey: ["/servers", query], queryFn: () => get<Page<Server>>("/servers", query) };
    }),
  });
  const at = matches.findIndex((one) => (one.data?.total ?? 0) > 0);
  const mine = all[at];
  const asking = !found.data || matches.some((one) => one.isPending);
  return (
    <Card title={t.ofServer}>
      {found.error && <ProblemBox problem={found.error} />}
      {asking && !mine && !found.error && <Waiting />}
      {!asking && !mine && <p className="ap-subtle">{t.noneOfServer}</p>}
      {mine && (
        <>
          <p>
            <Icon name="clock" /> <Link href={`/calendars/${encodeURIComponent(mine.id)}`}>{mine.id}</Link>
          </p>
          <p>
            {t.nowFor(mine.now.purpose || t.asIs)}, {t.until.toLowerCase()} <Moment at={mine.now.until} />
          </p>
          {mine.now.why && <p className="ap-subtle">{mine.now.why}</p>}
          {mine.hold && <p className="ap-warn">{t.held}</p>}
        </>
      )}
    </Card>
  );
}
