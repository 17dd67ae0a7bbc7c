/** What the manager refused, and what to do next: RFC 9457 with a hint. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly hint: string;
  readonly refusals: Readonly<Record<string, unknown>>;
  /** What is wrong with single parts of the request. */
  readonly errors: readonly { readonly field: string; readonly message: string }[];

  constructor(status: number, given: Record<string, unknown>) {
    super(String(given.detail ?? given.title ?? status));
    this.name = "Problem";
    this.status = status;
    this.title = String(given.title ?? "");
    this.hint = String(given.hint ?? "");
    this.errors = Array.isArray(given.errors) ? given.errors : [];
    this.refusals = (given.refusals ?? {}) as Record<string, unknown>;
  }
}

/** Status of a problem where no answer came: the manager was not reached, or died meanwhile. */
export const NO_ANSWER = 0;
