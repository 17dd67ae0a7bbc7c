/** Tags, changed where they stand: Enter adds, the cross removes. */
import { useState, type KeyboardEvent } from "react";
import { exchange, send } from "../api/client";
import { Problem } from "../api/problem";
import { queries } from "../api/queries";
import { useMay } from "../api/session";
import { useLive } from "../api/live";
import { bilingual, useWords } from "../i18n";
import { Icon } from "./Icon";

const words = bilingual(
  {
    add: (name: string) => `Add a tag to ${name}`,
    remove: (tag: string) => `Remove the tag ${tag}`,
    placeholder: "tag",
  },
  {
    add: (name: string) => `Tag an ${name} anbringen`,
    remove: (tag: string) => `Tag ${tag} entfernen`,
    placeholder: "Tag",
  },
);

interface Tagged {
  readonly tags: readonly string[];
}

/** Change the tags of one object, from what they are now; what others did meanwhile stays. */
export async function retag(path: string, change: (tags: readonly string[]) => readonly string[]): Promise<void> {
  const seen = await exchange<Tagged>("GET", path);
  const tags = [...new Set(change(seen.body.tags))];
  await send("PATCH", path, { body: { tags }, ...(seen.etag && { ifMatch: seen.etag }) });
  const root = `/${path.split("/")[1]}`;
  await queries.invalidateQueries({
    predicate: (one) => String(one.queryKey[0]) === path || String(one.queryKey[0]) === root,
  });
}

export function Tags({ path, name, tags }: { path: string; name: string; tags: readonly string[] }) {
  const t = useWords(words);
  const may = useMay("operator");
  const live = useLive().state === "live";
  const [text, setText] = useState("");
  const [adding, setAdding] = useState(false);
  const [problem, setProblem] = useState("");
  async function change(make: (tags: readonly string[]) => readonly string[]): Promise<void> {
    setProblem("");
    try {
      await retag(path, make);
      setText("");
      setAdding(false);
    } catch (error) {
      setProblem(error instanceof Problem ? `${error.message} ${error.hint}` : String(error));
    }
  }
  function key(event: KeyboardEvent): void {
    if (event.key === "Escape") setAdding(false);
    if (event.key === "Enter" && text.trim()) void change((now) => [...now, text.trim()]);
  }
  return (
    <span className="ap-tags">
      {tags.map((tag) => (
        <span key={tag} className="ap-tag">
          {tag}
          {may && (
            <button
              type="button"
              className="ap-tags__cross"
              aria-label={t.remove(tag)}
              disabled={!live}
              onClick={() => void change((now) => now.filter((one) => one !== tag))}
            >
              <Icon name="times" />
            </button>
          )}
        </span>
      ))}
      {may && !adding && (
        <button
          type="button"
          className="ap-tags__add"
          aria-label={t.add(name)}
          disabled={!live}
          onClick={() => setAdding(true)}
        >
          <Icon name="plus" />
        </button>
      )}
      {adding && (
        <input
          autoFocus
          className="ap-tags__input"
          aria-label={t.add(name)}
          placeholder={t.placeholder}
          maxLength={80}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={key}
          onBlur={() => !text && setAdding(false)}
        />
      )}
      {problem && (
        <span role="alert" className="ap-loss ap-small">
          {problem}
        </span>
      )}
    </span>
  );
}
