/** The session decides: the login, or the shell with a page in it. */
import { useEffect } from "react";
import { send } from "../api/client";
import { follow, recall, unfollow } from "../api/live";
import { Problem } from "../api/problem";
import { queries } from "../api/queries";
import { entered, left, useSession } from "../api/session";
import type { Me } from "../api/types";
import { Login, loginProblem } from "../features/login/Login";
import { Waiting } from "../ui/Waiting";
import { fetchAhead } from "./routes";
import { Shell } from "./Shell";

/** A login link carries its code behind the #, which never leaves the browser but here. */
async function begin(): Promise<void> {
  const code = /^#code=(.+)$/.exec(location.hash)?.[1];
  if (location.pathname === "/login") history.replaceState(null, "", "/");
  fetchAhead(location.pathname);
  if (!code) return recall();
  try {
    entered(await send<Me>("POST", "/login", { body: { code } }));
  } catch (error) {
    if (error instanceof Problem) loginProblem(error);
    left();
  }
}

let begun = false;

export function App() {
  const { state } = useSession();
  useEffect(() => {
    if (begun) return;
    begun = true;
    void begin();
  }, []);
  useEffect(() => {
    if (state === "in") follow();
    else unfollow();
    if (state === "out") queries.clear();
  }, [state]);
  if (state === "asking") return <Waiting whole />;
  return state === "in" ? <Shell /> : <Login />;
}
