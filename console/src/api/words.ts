import { bilingual } from "../i18n";

export const words = bilingual(
  {
    noAnswer: "The manager did not answer.",
    noAnswerToChange: "No answer came, so nobody here knows whether it was done.",
    lookBeforeAgain: "Look at what is so now before you ask for it again.",
    isItRunning: "Is the manager running, and is the network between you and it up?",
    sessionOver: "Your session is over. Log in again; you come back to this view.",
  },
  {
    noAnswer: "Der Manager hat nicht geantwortet.",
    noAnswerToChange: "Es kam keine Antwort; hier weiß niemand, ob es geschehen ist.",
    lookBeforeAgain: "Sehen Sie nach, wie es jetzt ist, bevor Sie es noch einmal verlangen.",
    isItRunning: "Läuft der Manager, und ist das Netz bis zu ihm in Ordnung?",
    sessionOver: "Ihre Sitzung ist zu Ende. Melden Sie sich neu an; Sie kommen hierher zurück.",
  },
);
