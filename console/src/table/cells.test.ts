import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, safe } from "./cells";

test("what begins like a formula is text in every spreadsheet", () => {
  for (const text of ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\t=1", "\n=1", "\r=1", "\uff1d1+1", "\uff201"]) {
    assert.ok(safe(text).startsWith("\"'"), JSON.stringify(text));
  }
});

test("numbers and plain words stay as they are", () => {
  for (const text of ["", "web-1", "-5", "-5.5", "12.5", "a=b"]) assert.equal(safe(text), text);
});

test("what separates cells and rows is quoted", () => {
  assert.equal(safe('a "b", c'), '"a ""b"", c"');
  assert.equal(safe("a\nb"), '"a\nb"');
  const columns = [{ key: "n", title: "Name", width: 1, cell: () => null, text: (row: string) => row }];
  assert.equal(csv(columns, ["x", "=y"]), "Name\r\nx\r\n\"'=y\"\r\n");
});
