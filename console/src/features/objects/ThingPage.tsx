/** The page of any other object: all its facts, its plans and events. */
import { Link, useLocation, useParams } from "wouter";
import { useRead } from "../../api/queries";
import { useWords } from "../../i18n";
import { written } from "../../search/query";
import { Beginning } from "../wizards/Beginning";
import { words as listWords } from "../lists/words";
import { Tags } from "../../ui/Tags";
import { Waiting } from "../../ui/Waiting";
import "./objects.css";
import { Card, Facts, Past } from "./parts";
import { ObjectProblem } from "./VmPage";
import { words } from "./words";

type Thing = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, string>> = {
  servers: "server",
  profiles: "profile",
  datastores: "datastore",
  networks: "network",
  images: "image",
  pools: "pool",
  policies: "policy",
};
const TAGGED = new Set(["servers", "profiles", "datastores"]);

export default function ThingPage() {
  const t = useWords(words);
  const lists = useWords(listWords).titles;
  const [place] = useLocation();
  const list = place.split("/")[1] ?? "";
  const id = decodeURIComponent(useParams<{ id: string }>().id);
  const path = `/${list}/${encodeURIComponent(id)}`;
  const found = useRead<Thing>(path);
  if (found.error) return <ObjectProblem problem={found.error} />;
  const thing = found.data;
  if (!thing) return <Waiting what={t.reading} />;
  const name = String(thing.name || thing.id || id);
  const facts = Object.entries(thing).filter(([key]) => key !== "tags" && key !== "name");
  const inside = list === "pools" ? `host.pool = ${written(id)}` : list === "datastores" ? `datastore = ${written(name)}` : list === "networks" ? `network = ${written(name)}` : "";
  return (
    <div className="ap-object">
      <div className="ap-object__head">
        <h1>{name}</h1>
        {TAGGED.has(list) && Array.isArray(thing.tags) && (
          <Tags path={path} name={name} tags={thing.tags.map(String)} />
        )}
        <span className="ap-grow" />
        {inside && <Link href={`/vms?q=${encodeURIComponent(inside)}`}>{lists.vms}</Link>}
        {list === "profiles" && <Beginning to="move" path={`${place}/move`} />}
        <Link href={`/${list}`}>{lists[list as keyof typeof lists]}</Link>
      </div>
      <Card title={t.facts} wide>
        <Facts of={facts.map(([key, value]) => [key.replace(/_/g, " "), <Value key={key} value={value} />])} />
      </Card>
      <Past kind={KINDS[list] ?? list} id={String(thing.id ?? id)} />
    </div>
  );
}

function Value({ value }: { value: unknown }) {
  if (value === null || value === "") return <span className="ap-least">–</span>;
  if (Array.isArray(value)) {
    if (value.length === 0) return <span className="ap-least">–</span>;
    if (value.every((one) => typeof one !== "object")) return <>{value.join(", ")}</>;
    return (
      <ul className="ap-lines">
        {value.map((one, index) => (
          <li key={index}>
            <Value value={one} />
          </li>
        ))}
      </ul>
    );
  }
  if (typeof value === "object") {
    const inner = Object.entries(value as Thing).filter(([, one]) => one !== "" && one !== null);
    return <Facts of={inner.map(([key, one]) => [key.replace(/_/g, " "), <Value key={key} value={one} />])} />;
  }
  return <>{String(value)}</>;
}
