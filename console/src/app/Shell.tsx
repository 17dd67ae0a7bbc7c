/** The frame around every page: masthead, navigation, the page, task bar. */
import { Suspense, useEffect, useRef } from "react";
import { Route as Match, Switch, useLocation } from "wouter";
import { Broken } from "../ui/Broken";
import { Waiting } from "../ui/Waiting";
import { useWords } from "../i18n";
import { Masthead } from "./Masthead";
import { Navigation } from "./Navigation";
import { Palette } from "./Palette";
import { Missing, ROUTES } from "./routes";
import { Simulated } from "./Simulated";
import "./shell.css";
import { TaskBar } from "./TaskBar";
import { words } from "./words";

export function Shell() {
  const t = useWords(words);
  const [place] = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // A new page: what reads the screen begins with it; not when the console has just opened.
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [place]);
  return (
    <div className="ap-shell">
      <a className="ap-skip" href="#page">
        {t.skip}
      </a>
      <Masthead />
      <Navigation />
      <main id="page" className="ap-main" tabIndex={-1} ref={main}>
        <Simulated />
        <div className="ap-main__page">
          <Broken place={place}>
            <Suspense fallback={<Waiting />}>
              <Switch>
                {ROUTES.map(({ path, Page }) => (
                  <Match key={path} path={path}>
                    <Page />
                  </Match>
                ))}
                <Match>
                  <Missing />
                </Match>
              </Switch>
            </Suspense>
          </Broken>
        </div>
      </main>
      <TaskBar />
      <Palette />
    </div>
  );
}
