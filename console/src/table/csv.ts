/** The rows of a list for a spreadsheet: all of them, as CSV. */
import { get } from "../api/client";
import type { Page } from "../api/types";

const LARGEST = 1000;
const MOST = 50_000;

/** Every row that matches, up to 50,000. */
export async function everything<T>(path: string, q: string): Promise<readonly T[]> {
  const found: T[] = [];
  let cursor = "";
  do {
    const page: Page<T> = await get<Page<T>>(path, { q, limit: LARGEST, cursor });
    found.push(...page.items);
    cursor = page.next ?? "";
  } while (cursor && found.length < MOST);
  return found;
}

/** To the clipboard; where the browser has none for this address, as a file. Says which. */
export async function give(text: string, name: string): Promise<"copied" | "saved"> {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return "saved";
  }
}
