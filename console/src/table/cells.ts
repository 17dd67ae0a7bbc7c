/** Rows as CSV. A spreadsheet runs cells that begin like a formula: those get a quote before. */
import type { Column } from "./column";

export function safe(text: string): string {
  const harmless = /^\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) && !/^-?\d+([.,]\d+)?$/.test(text) ? `'${text}` : text;
  return /[",;\n\r]/.test(harmless) || harmless !== text ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

export function csv<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const lines = [columns.map((one) => safe(one.title))];
  for (const row of rows) lines.push(columns.map((one) => safe(one.text(row))));
  return `${lines.map((line) => line.join(",")).join("\r\n")}\r\n`;
}
