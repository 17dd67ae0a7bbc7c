/** The button above a list that begins a wizard. */
import { Link } from "wouter";
import { bilingual, useWords } from "../../i18n";
import { Icon } from "../../ui/Icon";

const words = bilingual(
  {
    "/vms/new": "Create a VM",
    "/endpoints/new": "Add a server",
    "/policies/new": "Add a rule",
  },
  {
    "/vms/new": "VM anlegen",
    "/endpoints/new": "Server hinzufügen",
    "/policies/new": "Regel hinzufügen",
  },
);

export function Beginning({ to }: { to: keyof typeof words.en }) {
  const t = useWords(words);
  return (
    <Link href={to} className="ap-button ap-button--main">
      <Icon name="plus" /> {t[to]}
    </Link>
  );
}
