import { useSession, left } from "../api/session";
import { send } from "../api/client";
import { useLive } from "../api/live";
import { setLanguage, useLanguage, useWords } from "../i18n";
import { moment } from "../i18n/format";
import { SearchBox } from "../search/SearchBox";
import { setTheme, useTheme } from "../theme/theme";
import { Icon, Logo } from "../ui/Icon";
import { Link } from "wouter";
import { Notifications } from "./Notifications";
import { toggleNavigation } from "./Navigation";
import { words } from "./words";

export function Masthead() {
  const t = useWords(words);
  return (
    <header className="ap-masthead">
      <button
        type="button"
        className="ap-button ap-button--plain ap-masthead__menu"
        aria-label={t.openNav}
        onClick={toggleNavigation}
      >
        <Icon name="list" />
      </button>
      <Link href="/" className="ap-brand">
        <Logo /> <span className="ap-brand__name">anypool</span>
      </Link>
      <SearchBox />
      <div className="ap-grow" />
      <LiveLabel />
      <Notifications />
      <ThemeButton />
      <Account />
    </header>
  );
}

function LiveLabel() {
  const t = useWords(words);
  const { state, since } = useLive();
  const tone = { connecting: "", live: "", stale: " ap-label--warn" }[state];
  const text = { connecting: t.connecting, live: t.live, stale: t.notLive(moment(since / 1000)) };
  return (
    <span className={`ap-label ap-live ap-live--${state}${tone}`} role="status">
      <span className="ap-live__dot" aria-hidden="true" />
      {text[state]}
    </span>
  );
}

function ThemeButton() {
  const t = useWords(words);
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className="ap-button ap-button--plain"
      aria-label={other === "dark" ? t.toDark : t.toLight}
      onClick={() => setTheme(other)}
    >
      <Icon name={other === "dark" ? "moon" : "sun"} />
    </button>
  );
}

function Account() {
  const t = useWords(words);
  const language = useLanguage();
  const { me } = useSession();
  async function leave(): Promise<void> {
    await send("POST", "/logout").catch(() => null);
    left();
  }
  if (!me) return null;
  const role = t.roles[me.role as keyof typeof t.roles];
  return (
    <details className="ap-account">
      <summary>
        <span className="ap-account__name ap-cut">{me.user}</span>
        <Icon name="down" />
      </summary>
      <div className="ap-account__menu">
        <p className="ap-small ap-subtle">
          {me.user}, {role}
        </p>
        <button
          type="button"
          className="ap-button"
          lang={language === "en" ? "de" : "en"}
          onClick={() => setLanguage(language === "en" ? "de" : "en")}
        >
          {t.language}
        </button>
        <button type="button" className="ap-button" onClick={() => void leave()}>
          {t.logout}
        </button>
      </div>
    </details>
  );
}
