/** The head of an object's page: its name, how it is, its tags, and what may be done. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Problem } from "../../api/problem";
import { useWords } from "../../i18n";
import { ProblemBox } from "../../ui/ProblemBox";
import { Tags } from "../../ui/Tags";
import "./objects.css";
import { words } from "./words";

interface Props {
  readonly name: string;
  /** The list that it stands in: its title and address. */
  readonly list: readonly [string, string];
  readonly state?: ReactNode;
  /** Where its tags are changed, if it has any. */
  readonly tagged?: { readonly path: string; readonly tags: readonly string[] };
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Frame({ name, list, state, tagged, actions, children }: Props) {
  return (
    <div className="ap-object">
      <div className="ap-object__head">
        <Link href={list[1]} className="ap-small">
          {list[0]}
        </Link>
        <h1>{name}</h1>
        {state}
        {tagged && <Tags path={tagged.path} name={name} tags={tagged.tags} />}
        <span className="ap-grow" />
        {actions}
      </div>
      {children}
    </div>
  );
}

export function ObjectProblem({ problem }: { problem: Problem }) {
  const t = useWords(words);
  return (
    <div className="ap-page">
      <h1>{t.gone}</h1>
      <ProblemBox problem={problem} />
    </div>
  );
}
