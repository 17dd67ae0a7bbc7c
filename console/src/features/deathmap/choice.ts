/** What fails in thought: hosts by name, or a failure domain, or a datastore; kept in addresses. */
export interface Choice {
  readonly hosts: readonly string[];
  readonly domain: string;
  readonly datastore: string;
}

export const NOTHING: Choice = { hosts: [], domain: "", datastore: "" };
export const MOST = 1000;

/** What an address says, after its question mark. */
export function chosenIn(search: string): Choice {
  const asked = new URLSearchParams(search);
  const hosts = (asked.get("host") ?? "").split(",").filter((one) => one !== "");
  return { hosts, domain: asked.get("domain") ?? "", datastore: asked.get("datastore") ?? "" };
}

/** The end of an address that says it, with its question mark; "" if there is nothing to say. */
export function asking(choice: Choice, pool = ""): string {
  const named = { pool, host: choice.hosts.join(","), domain: choice.domain, datastore: choice.datastore };
  const text = new URLSearchParams(Object.entries(named).filter(([, value]) => value !== "")).toString();
  return text && `?${text}`;
}

export function isEmpty(choice: Choice): boolean {
  return choice.hosts.length === 0 && choice.domain === "" && choice.datastore === "";
}
