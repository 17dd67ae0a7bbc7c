/** Ctrl+K: go anywhere, find anything by its name, without the mouse. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import { get, send } from "../api/client";
import { left } from "../api/session";
import type { Calendars, Host, Page, Vm } from "../api/types";
import { bilingual, setLanguage, useLanguage, useWords } from "../i18n";
import { written } from "../search/query";
import { setTheme, useTheme } from "../theme/theme";
import { Dialog } from "../ui/Dialog";
import { Icon, type IconName } from "../ui/Icon";
import { NAVIGATION } from "./navigation";
import { words as shellWords } from "./words";

const words = bilingual(
  {
    title: "Go to",
    label: "Page, VM, host or command",
    found: "Found",
    nothing: "Nothing is called so.",
    search: (text: string) => `Search for VMs: ${text}`,
    help: "Arrows choose, Enter goes there. Everywhere: Ctrl+K opens this, / goes to the search.",
  },
  {
    title: "Gehe zu",
    label: "Seite, VM, Host oder Befehl",
    found: "Gefunden",
    nothing: "Nichts heißt so.",
    search: (text: string) => `Nach VMs suchen: ${text}`,
    help: "Pfeile wählen, Enter geht hin. Überall: Strg+K öffnet dies, / geht zur Suche.",
  },
);

interface Way {
  readonly key: string;
  readonly icon: IconName;
  readonly text: string;
  readonly run: () => void;
}

export function Palette() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    function pressed(event: globalThis.KeyboardEvent): void {
      const inGuest = (event.target as HTMLElement).closest(".ap-keys");
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || inGuest) return;
      event.preventDefault();
      setOpen((now) => !now);
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
  return open ? <Open onClose={() => setOpen(false)} /> : null;
}

function Open({ onClose }: { onClose: () => void }) {
  const t = useWords(words);
  const list = useId();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const ways = useWays(text.trim(), onClose);
  useEffect(() => setActive(0), [text]);
  function key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && ways.length) {
      event.preventDefault();
      setActive((now) => (now + step + ways.length) % ways.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      ways[active]?.run();
    }
  }
  return (
    <Dialog title={t.title} onClose={onClose}>
      <label className="ap-field">
        {t.label}
        <input
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls={list}
          aria-activedescendant={`${list}-${active}`}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={key}
        />
      </label>
      <ul id={list} role="listbox" aria-label={t.found} className="ap-palette">
        {ways.map((way, index) => (
          <li
            key={way.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === active}
            className="ap-palette__way"
            onClick={way.run}
          >
            <Icon name={way.icon} tone="subtle" /> <span className="ap-cut">{way.text}</span>
          </li>
        ))}
      </ul>
      {ways.length === 0 && <p>{t.nothing}</p>}
      <p className="ap-small ap-subtle">{t.help}</p>
    </Dialog>
  );
}

interface Hits {
  readonly vms: readonly Vm[];
  readonly hosts: readonly Host[];
  readonly calendars: readonly string[];
}

function useWays(text: string, onClose: () => void): readonly Way[] {
  const t = useWords(words);
  const shell = useWords(shellWords);
  const [, go] = useLocation();
  const theme = useTheme();
  const language = useLanguage();
  const { data } = useQuery<Hits>({
    queryKey: ["/palette", text],
    enabled: text.length > 0,
    gcTime: 10_000,
    queryFn: async ({ signal }) => {
      const q = `name ~ ${written(text)}`;
      const [vms, hosts, calendars] = await Promise.all([
        get<Page<Vm>>("/vms", { q, limit: 6 }, signal),
        get<Page<Host>>("/hosts", { q, limit: 4 }, signal),
        get<Calendars>("/calendars", {}, signal),
      ]);
      const named = calendars.items.map((one) => one.id).filter((one) => one.toLowerCase().includes(text.toLowerCase()));
      return { vms: vms.items, hosts: hosts.items, calendars: named };
    },
  });
  const to = (icon: IconName, name: string, path: string): Way => ({
    key: path,
    icon,
    text: name,
    run: () => {
      onClose();
      go(path);
    },
  });
  const done = (key: string, icon: IconName, name: string, run: () => void): Way => ({
    key,
    icon,
    text: name,
    run: () => {
      onClose();
      run();
    },
  });
  const fixed = [
    ...NAVIGATION.flatMap((group) => group.entries).map((one) => to(one.icon, shell.nav[one.label], one.to)),
    done("theme", theme === "dark" ? "sun" : "moon", theme === "dark" ? shell.toLight : shell.toDark, () =>
      setTheme(theme === "dark" ? "light" : "dark"),
    ),
    done("language", "edit", shell.language, () => setLanguage(language === "en" ? "de" : "en")),
    done("logout", "lock", shell.logout, () => void send("POST", "/logout").finally(left)),
  ].filter((one) => one.text.toLowerCase().includes(text.toLowerCase()));
  if (!text) return fixed;
  return [
    ...(data?.hosts ?? []).map((one) => to("cluster", one.name, `/hosts/${encodeURIComponent(one.id)}`)),
    ...(data?.vms ?? []).map((one) => to("vm", one.name, `/vms/${encodeURIComponent(one.id)}`)),
    ...(data?.calendars ?? []).map((one) => to("clock", one, `/calendars/${encodeURIComponent(one)}`)),
    ...fixed,
    to("search", t.search(text), `/vms?q=${encodeURIComponent(written(text))}`),
  ];
}
