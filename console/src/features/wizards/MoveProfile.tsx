/** A server profile goes to a spare. */
import { useState } from "react";
import { useParams } from "wouter";
import { useRead, useRows } from "../../api/queries";
import type { Coverage, Profile, Server } from "../../api/types";
import { useWords } from "../../i18n";
import { ProblemBox } from "../../ui/ProblemBox";
import { Waiting } from "../../ui/Waiting";
import { assignProfile } from "./deed";
import { words } from "./deedwords";
import { Field } from "./Field";
import { PlanWizard } from "./PlanWizard";

export default function MoveProfile() {
  const t = useWords(words).move;
  const { key = "" } = useParams<{ key?: string }>();
  const profiles = useRows<Profile>("/profiles", { q: "order by name", limit: 500 });
  const servers = useRows<Server>("/servers", { q: "order by name", limit: 500 });
  const coverage = useRead<Coverage>("/coverage");
  const [chosen, setChosen] = useState("");
  const [to, setTo] = useState("");
  const [force, setForce] = useState(false);
  if (profiles.error) return <ProblemBox problem={profiles.error} again={() => void profiles.refetch()} />;
  if (!profiles.data || !servers.data || !coverage.data) return <Waiting />;
  const wanted = chosen || key;
  const profile = profiles.data.items.find((one) => one.id === wanted || one.name === wanted) ?? profiles.data.items[0];
  if (!profile)
    return (
      <div className="ap-page">
        <h1>{t.title}</h1>
        <p>{t.none}</p>
        <p>
          <code>anypool profile create NAME</code>
        </p>
      </div>
    );
  const cover = coverage.data.items.find((one) => one.profile === profile.name);
  return (
    <PlanWizard
      title={t.title}
      lead={t.lead}
      asked={assignProfile({ profile: profile.name, to, force })}
      values={{ profile: profile.name, to }}
      asks={(wrong) => [
        {
          title: t.where,
          body: (
            <>
              <div className="ap-fields">
                <Field label={t.profile} name="profile" problem={wrong("profile")}
                  help={profile.server ? t.now(profile.server) : t.nowhere}>
                  {(wired) => (
                    <select {...wired} value={profile.id} onChange={(event) => setChosen(event.target.value)}>
                      {profiles.data.items.map((one) => (
                        <option key={one.id} value={one.id}>{one.name}</option>
                      ))}
                    </select>
                  )}
                </Field>
                <Field label={t.to} name="to" problem={wrong("to")}
                  help={cover?.spare ? `${t.bestIs(cover.spare)}. ${cover.empties ? t.empties(cover.empties) : ""}` : undefined}>
                  {(wired) => (
                    <select {...wired} value={to} onChange={(event) => setTo(event.target.value)}>
                      <option value="">{t.best}</option>
                      {servers.data.items
                        .filter((one) => one.name !== profile.server)
                        .map((one) => (
                          <option key={one.id}>{one.name}</option>
                        ))}
                    </select>
                  )}
                </Field>
              </div>
              {cover && !cover.spare && (
                <div className="ap-call ap-call--warn">
                  <div>
                    <p className="ap-strong">{t.uncovered}</p>
                    <ul>
                      {cover.refused.map(([name, why]) => (
                        <li key={name}>{name}: {why}</li>
                      ))}
                    </ul>
                  </div>
                </div>
              )}
              {profile.server && (
                <label className="ap-check">
                  <input type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} />
                  {t.force}
                </label>
              )}
            </>
          ),
        },
      ]}
    />
  );
}
