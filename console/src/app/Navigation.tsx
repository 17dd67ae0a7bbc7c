import { useEffect, useSyncExternalStore } from "react";
import { Link, useLocation } from "wouter";
import { useCounts } from "../api/queries";
import { useWords } from "../i18n";
import { number } from "../i18n/format";
import { Icon } from "../ui/Icon";
import { NAVIGATION, type Entry } from "./navigation";
import { words } from "./words";

let open = false;
const listeners = new Set<() => void>();

function become(next: boolean): void {
  open = next;
  for (const listener of listeners) listener();
}

/** On narrow screens the navigation lies over the page while it is open. */
export function toggleNavigation(): void {
  become(!open);
}

export function Navigation() {
  const t = useWords(words);
  const [place] = useLocation();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open,
  );
  useEffect(() => become(false), [place]);
  return (
    <nav className={`ap-nav${shown ? " ap-nav--open" : ""}`} aria-label={t.main}>
      {NAVIGATION.map((group) => (
        <div key={group.label ?? ""} className="ap-nav__group">
          {group.label && <h2 className="ap-nav__title">{t.groups[group.label]}</h2>}
          <ul>
            {group.entries.map((entry) => (
              <li key={entry.to}>
                <NavLink entry={entry} place={place} label={t.nav[entry.label]} />
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

function NavLink({ entry, place, label }: { entry: Entry; place: string; label: string }) {
  const here = entry.to === "/" ? place === "/" : place === entry.to || place.startsWith(`${entry.to}/`);
  return (
    <Link
      href={entry.to}
      className={`ap-nav__link${here ? " ap-nav__link--here" : ""}`}
      title={label}
      {...(here && { "aria-current": "page" as const })}
    >
      <Icon name={entry.icon} />
      <span className="ap-nav__label ap-cut">{label}</span>
      {entry.count && <Count path={entry.count} />}
    </Link>
  );
}

function Count({ path }: { path: string }) {
  const { data } = useCounts<unknown>(path, { limit: 1 });
  return <span className="ap-nav__count">{data ? number(data.total) : ""}</span>;
}
