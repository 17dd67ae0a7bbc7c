import { useState } from "react";
import type { Facet } from "../api/types";
import { useWords } from "../i18n";
import { number } from "../i18n/format";
import { chosen, toggled } from "../search/query";
import { words } from "./words";

const FEW = 6;

interface Props {
  readonly facets: readonly Facet[];
  readonly titles: readonly { readonly field: string; readonly title: string }[];
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

/** The most frequent values of some fields; each writes into the search. */
export function Facets({ facets, titles, query, onQuery }: Props) {
  const t = useWords(words);
  return (
    <section className="ap-facets" aria-label={t.facets}>
      {titles.map(({ field, title }) => {
        const facet = facets.find((one) => one.field === field);
        return facet && <OneFacet key={field} facet={facet} title={title} query={query} onQuery={onQuery} />;
      })}
    </section>
  );
}

function OneFacet({ facet, title, query, onQuery }: { facet: Facet; title: string } & Pick<Props, "query" | "onQuery">) {
  const t = useWords(words);
  const [all, setAll] = useState(false);
  const wanted = chosen(query, facet.field);
  const lost = wanted.filter((value) => !facet.values.some((one) => one.value === value));
  const values = [...lost.map((value) => ({ value, count: 0 })), ...facet.values].filter(
    (one) => one.value !== "" && one.value !== '""',
  );
  if (values.length === 0) return null;
  return (
    <fieldset className="ap-facet">
      <legend>
        <h2>{title}</h2>
      </legend>
      {(all ? values : values.slice(0, FEW)).map(({ value, count }) => (
        <label key={value}>
          <input
            type="checkbox"
            checked={wanted.includes(value)}
            onChange={() => onQuery(toggled(query, facet.field, value))}
          />
          <span className="ap-facets__value ap-cut ap-grow">{value.replace(/^"(.*)"$/, "$1")}</span>
          <span className="ap-small ap-least">{number(count)}</span>
        </label>
      ))}
      {values.length > FEW && (
        <button type="button" className="ap-button ap-button--link" onClick={() => setAll(!all)}>
          {all ? t.fewer : t.more(number(values.length - FEW))}
        </button>
      )}
      {facet.more > 0 && <p className="ap-small ap-least">{t.otherValues(number(facet.more))}</p>}
    </fieldset>
  );
}
