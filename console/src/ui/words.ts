import { bilingual } from "../i18n";

export const words = bilingual(
  {
    reading: "Reading from the manager",
    next: "What to do:",
    tryAgain: "Try again",
    close: "Close",
    pageFailed: "This page could not be shown",
    pageFailedHint: "A part of the console did not load or broke. Loading it again usually helps.",
    reload: "Load the console again",
  },
  {
    reading: "Wird vom Manager gelesen",
    next: "Was zu tun ist:",
    tryAgain: "Noch einmal versuchen",
    close: "Schließen",
    pageFailed: "Diese Seite konnte nicht gezeigt werden",
    pageFailedHint:
      "Ein Teil der Konsole wurde nicht geladen oder ging kaputt. Neu zu laden hilft meistens.",
    reload: "Konsole neu laden",
  },
);
