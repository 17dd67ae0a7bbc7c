/** The search grammar as far as the page writes it itself: the manager alone understands it all.
 *
 * A query is conditions joined by `and`, then perhaps `order by ...` and `limit ...`. Facets and
 * heads of columns change one condition or the order and leave everything else as it was typed.
 */

interface Piece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

export interface Parts {
  /** Conditions at the top, to be joined by `and`. */
  readonly conditions: readonly string[];
  /** `order by ...` and `limit ...` as written, "" if there are none. */
  readonly tail: string;
}

function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  const pattern = /"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|[(),]|!=|<=|>=|[=<>~]|[^\s=!<>~(),"']+/g;
  let depth = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === ")") depth -= 1;
    found.push({ text: match[0], start: match.index, end: match.index + match[0].length, depth });
    if (match[0] === "(") depth += 1;
  }
  return found;
}

export function parts(query: string): Parts {
  const found = pieces(query).filter((piece) => piece.depth === 0);
  const says = (piece: Piece, word: string): boolean => piece.text.toLowerCase() === word;
  const tailAt = found.find((piece) => says(piece, "order") || says(piece, "limit"))?.start;
  const body = query.slice(0, tailAt ?? query.length).trim();
  const tail = tailAt === undefined ? "" : query.slice(tailAt).trim();
  const words = found.filter((piece) => piece.start < body.length);
  if (words.some((piece) => says(piece, "or"))) return { conditions: body ? [`(${body})`] : [], tail };
  const conditions: string[] = [];
  let start = 0;
  for (const word of [...words.filter((piece) => says(piece, "and")), null]) {
    const one = body.slice(start, word?.start ?? body.length).trim();
    if (one) conditions.push(one);
    start = word?.end ?? body.length;
  }
  return { conditions, tail };
}

export function joined({ conditions, tail }: Parts): string {
  const body = conditions.length === 1 ? unwrapped(conditions[0] ?? "") : conditions.join(" and ");
  return [body, tail].filter(Boolean).join(" ");
}

function unwrapped(condition: string): string {
  const whole = pieces(condition);
  const inner = whole.slice(1, -1);
  const wrapped = whole[0]?.text === "(" && whole.at(-1)?.text === ")";
  return wrapped && inner.every((piece) => piece.depth > 0) ? condition.slice(1, -1) : condition;
}

const RESERVED = /^(and|or|not|in|where|order|by|limit|asc|desc)$/i;

/** A value as the grammar takes it: quoted where it must be. */
export function written(value: string): string {
  if (value && !RESERVED.test(value) && !/[\s=!<>~(),"'*]/.test(value)) return value;
  return `"${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;
}

function valuesOf(condition: string, field: string): string[] | null {
  const found = pieces(condition);
  if (found[0]?.text.toLowerCase() !== field) return null;
  if (found[1]?.text === "=" && found.length === 3) return [found[2]?.text ?? ""];
  if (found[1]?.text.toLowerCase() !== "in" || found[2]?.text !== "(") return null;
  return found.slice(3, -1).map((piece) => piece.text).filter((text) => text !== ",");
}

/** The values that the query asks of a field, as they are written. */
export function chosen(query: string, field: string): readonly string[] {
  return parts(query).conditions.flatMap((one) => valuesOf(one, field) ?? []);
}

/** Ask for a value of a field too, or no longer. */
export function toggled(query: string, field: string, value: string): string {
  const { conditions, tail } = parts(query);
  const before = chosen(query, field);
  const after = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  const rest = conditions.filter((one) => valuesOf(one, field) === null);
  const made =
    after.length === 0 ? [] : after.length === 1 ? [`${field} = ${after[0]}`] : [`${field} in (${after.join(", ")})`];
  return joined({ conditions: [...rest, ...made], tail });
}

/** One more condition; "" changes nothing. */
export function narrowed(query: string, condition: string): string {
  if (!condition) return query;
  const { conditions, tail } = parts(query);
  return joined({ conditions: [...conditions, condition], tail });
}

export interface Order {
  readonly field: string;
  readonly down: boolean;
}

export function orderOf(query: string): Order | null {
  const found = /\border\s+by\s+([\w.-]+)(?:\s+(asc|desc))?/i.exec(parts(query).tail);
  return found ? { field: found[1] ?? "", down: found[2]?.toLowerCase() === "desc" } : null;
}

/** Ordered by a field: upwards, then downwards, then as it comes. */
export function reordered(query: string, field: string): string {
  const now = orderOf(query);
  const { conditions, tail } = parts(query);
  const limit = /\blimit\s+\d+/i.exec(tail)?.[0] ?? "";
  const next = now?.field !== field ? `order by ${field}` : now.down ? "" : `order by ${field} desc`;
  return joined({ conditions, tail: [next, limit].filter(Boolean).join(" ") });
}
