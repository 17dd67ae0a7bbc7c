import { Link, useLocation } from "wouter";
import { bilingual, useWords } from "../../i18n";

const words = bilingual(
  {
    title: "There is no such page",
    why: (place: string) => `Nothing is at ${place}.`,
    back: "To the overview",
  },
  {
    title: "Diese Seite gibt es nicht",
    why: (place: string) => `Unter ${place} ist nichts.`,
    back: "Zum Überblick",
  },
);

export default function Missing() {
  const t = useWords(words);
  const [place] = useLocation();
  return (
    <div className="ap-page">
      <h1>{t.title}</h1>
      <p>{t.why(place)}</p>
      <p>
        <Link href="/">{t.back}</Link>
      </p>
    </div>
  );
}
