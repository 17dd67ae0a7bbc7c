/** The one search box: it filters the list on the page, or leads to the list that is searched. */
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useLocation, useSearch } from "wouter";
import { useWords } from "../i18n";
import { number } from "../i18n/format";
import { Icon } from "../ui/Icon";
import { useCompletion, type Choice } from "./completion";
import { useFound } from "./found";
import { toggleSaved, used, useKept } from "./kept";
import { NOUNS, address, nounAt, split, type Noun } from "./nouns";
import "./search.css";
import { words } from "./words";

export function SearchBox() {
  const t = useWords(words);
  const [place, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get("q") ?? "";
  const noun = nounAt(place);
  const [text, setText] = useState(asked);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = useFound();
  const { saved } = useKept();
  const choices = useCompletion(text, at, noun, open);
  useEffect(() => setText(asked), [asked, place]);
  useEffect(() => setActive(-1), [text, open]);
  useEffect(() => focusOnSlash(input), []);
  const whole = (noun ? `${noun} where ${asked}` : "").trim();

  function search(query: string): void {
    const given = split(query);
    const target: Noun = given.noun ?? noun ?? "vm";
    if (given.rest) used(`${target} where ${given.rest}`);
    setOpen(false);
    setText(given.rest);
    go(address(target, given.rest));
  }

  function take(choice: Choice): void {
    if (choice.whole) return search(choice.text);
    const glue = choice.kind === "noun" ? " where " : " ";
    const next = text.slice(0, choice.start) + choice.text + glue + text.slice(choice.end).trimStart();
    const cursor = choice.start + choice.text.length + glue.length;
    setText(next);
    setAt(cursor);
    requestAnimationFrame(() => input.current?.setSelectionRange(cursor, cursor));
  }

  function key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && choices.length) {
      event.preventDefault();
      setOpen(true);
      setActive((now) => (now + step + choices.length) % choices.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const choice = choices[active];
      if (open && choice) take(choice);
      else search(text);
    } else if (event.key === "Tab" && open && !event.shiftKey && choices.length && text) {
      event.preventDefault();
      take(choices[Math.max(0, active)] as Choice);
    } else if (event.key === "Escape") {
      setOpen(false);
    }
  }

  const shown = open && choices.length > 0;
  return (
    <search className="ap-search" onBlur={(event) => leave(event.currentTarget, event.relatedTarget, setOpen)}>
      <div className="ap-search__box">
        <Icon name="search" />
        <input
          ref={input}
          className="ap-search__input"
          role="combobox"
          aria-label={t.label}
          aria-expanded={shown}
          aria-controls={list}
          aria-autocomplete="list"
          {...(shown && active >= 0 && { "aria-activedescendant": `${list}-${active}` })}
          placeholder={t.placeholder}
          autoComplete="off"
          spellCheck={false}
          maxLength={2000}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
          }}
          onSelect={(event) => setAt(event.currentTarget.selectionStart ?? 0)}
          onClick={() => setOpen(true)}
          onKeyDown={key}
        />
        {noun && found?.query === asked && asked === text && (
          <span className="ap-small ap-least ap-search__found">
            {t.found(number(found.total), number(found.tookMs))}
          </span>
        )}
        {noun && asked && (
          <>
            <button
              type="button"
              className="ap-button ap-button--plain"
              aria-label={saved.includes(whole) ? t.unsave : t.save}
              aria-pressed={saved.includes(whole)}
              onClick={() => toggleSaved(whole)}
            >
              <Icon name="star" tone={saved.includes(whole) ? "icon--warn" : "least"} />
            </button>
            <button
              type="button"
              className="ap-button ap-button--plain"
              aria-label={t.clear}
              onClick={() => go(NOUNS[noun])}
            >
              <Icon name="times" />
            </button>
          </>
        )}
        {!text && <kbd className="ap-kbd">/</kbd>}
      </div>
      <div className="ap-search__popup" hidden={!shown}>
        <ul id={list} role="listbox" aria-label={t.suggestions}>
          {choices.map((choice, index) => (
            <li key={`${choice.kind} ${choice.text}`} role="presentation">
              {choice.kind !== choices[index - 1]?.kind && (
                <span className="ap-search__group" role="presentation">
                  {t.kinds[choice.kind]}
                </span>
              )}
              <div
                id={`${list}-${index}`}
                role="option"
                aria-selected={index === active}
                className="ap-search__choice"
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => take(choice)}
              >
                <code>{choice.text}</code>
                <span className="ap-small ap-least ap-cut ap-grow">{choice.doc}</span>
                {choice.count > 0 && (
                  <span className="ap-small ap-subtle">{number(choice.count)}</span>
                )}
              </div>
            </li>
          ))}
        </ul>
        <p className="ap-search__help" aria-hidden="true">
          <kbd className="ap-kbd">↑</kbd> <kbd className="ap-kbd">↓</kbd> {t.choose}{" "}
          <kbd className="ap-kbd">Tab</kbd> {t.insert} <kbd className="ap-kbd">Enter</kbd> {t.search}
        </p>
      </div>
    </search>
  );
}

function leave(box: HTMLElement, to: EventTarget | null, setOpen: (open: boolean) => void): void {
  if (!(to instanceof Node) || !box.contains(to)) setOpen(false);
}

function focusOnSlash(input: { current: HTMLInputElement | null }): () => void {
  function pressed(event: globalThis.KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing = target.closest("input, textarea, select, [contenteditable], .ap-keys");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.current?.focus();
    input.current?.select();
  }
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
