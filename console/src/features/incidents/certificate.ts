/** A death certificate as plain text: for a file, a ticket, or a printer. */
import type { Deaths } from "../../api/types";
import { exact } from "../../i18n/format";
import type { words } from "./words";

export function certificateText(death: Deaths["items"][number], incident: string, t: typeof words.en): string {
  const facts = Object.entries(death.proof ?? {}).map(([name, value]) => `  ${name}: ${String(value)}`);
  return [
    t.certificate(death.host_name),
    `${t.incident}: ${incident}`,
    `${t.proven}: ${exact(death.at)} (${death.at})`,
    `${t.proof}: ${death.why}`,
    ...facts,
    `${t.covers}: ${death.covers}`,
    `${t.coversNot}: ${death.covers_not}`,
    "",
    t.seenBefore(death.seen.length),
    ...death.seen.map((one) => `  ${exact(one.at)}  ${one.message}  ${one.source && t.from(one.source)}`),
    "",
    t.rested,
    ...(death.rested.length ? [] : [`  ${t.nothingRested}`]),
    ...death.rested.map(
      (one) => `  ${one.vm_name} (${one.vm}): ${one.host_name}, ${t.states[one.state as keyof typeof t.states] ?? one.state}, ${one.plan} ${t.stepOf(one.step)}`,
    ),
    "",
  ].join("\n");
}
