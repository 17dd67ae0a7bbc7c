/** The button that begins a wizard: above a list, or on the page of an object. */
import { Link } from "wouter";
import { bilingual, useWords } from "../../i18n";
import { Icon, type IconName } from "../../ui/Icon";

const words = bilingual(
  {
    "/vms/new": "Create a VM",
    "/endpoints/new": "Add a server",
    "/policies/new": "Add a rule",
    protect: "Protect it",
    maintenance: "Maintenance, step by step",
    move: "Move to a spare",
  },
  {
    "/vms/new": "VM anlegen",
    "/endpoints/new": "Server hinzufügen",
    "/policies/new": "Regel hinzufügen",
    protect: "Schützen",
    maintenance: "Wartung, Schritt für Schritt",
    move: "Auf Ersatz verlegen",
  },
);

const ICONS: Readonly<Partial<Record<keyof typeof words.en, IconName>>> = {
  protect: "shield",
  maintenance: "lr",
  move: "key",
};

/** `path` is where it is, if it is of one object. */
export function Beginning({ to, path }: { to: keyof typeof words.en; path?: string }) {
  const t = useWords(words);
  return (
    <Link href={path ?? to} className={`ap-button${path ? "" : " ap-button--main"}`}>
      <Icon name={ICONS[to] ?? "plus"} /> {t[to]}
    </Link>
  );
}
