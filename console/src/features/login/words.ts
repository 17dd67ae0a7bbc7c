import { bilingual } from "../../i18n";

export const words = bilingual(
  {
    title: "Log in",
    link: "Open the link that the manager printed when it started, or make a new one on its machine:",
    user: "User",
    password: "Password",
    enter: "Log in",
    entering: "Logging in",
  },
  {
    title: "Anmelden",
    link: "Öffnen Sie den Link, den der Manager beim Start ausgab, oder machen Sie auf seiner Maschine einen neuen:",
    user: "Benutzer",
    password: "Passwort",
    enter: "Anmelden",
    entering: "Anmeldung läuft",
  },
);
