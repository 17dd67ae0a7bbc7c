/** What a wizard is about to ask for, as a call of the API and as the same command line.
 *
 * Pure: a wizard's values go in, both come out, so that both can be tested against the program.
 */
export type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface Call {
  readonly method: Method;
  /** Without the /api/v1 before it. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface Asked {
  readonly call: Call;
  /** The words of the command after `anypool`, not yet quoted. */
  readonly words: readonly string[];
  /** What the command reads from where people type: a declaration. */
  readonly input?: string;
}

const PLAIN = /^[A-Za-z0-9@%+=:,./_-]+$/;

/** One word as a POSIX shell reads it back unchanged. */
export function quoted(word: string): string {
  const named = /^(--[a-z-]+=)(.+)$/s.exec(word);
  if (named?.[1] && named[2]) return named[1] + quoted(named[2]);
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`;
}

/** A whole command line. */
export function command(words: readonly string[]): string {
  return ["anypool", ...words].map(quoted).join(" ");
}

/** A whole command line with what it reads, as a here document that a shell leaves as it is. */
export function typed(asked: Asked): string {
  return asked.input === undefined ? command(asked.words) : `${command(asked.words)} <<'END'\n${asked.input}\nEND`;
}

/** The call as curl makes it; `ANYPOOL_TOKEN` holds a token. */
export function curl(call: Call, origin: string): string {
  const said = [`curl -X ${call.method}`, '-H "Authorization: Bearer $ANYPOOL_TOKEN"'];
  if (call.body) said.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(call.body))}`);
  return [...said, quoted(`${origin}/api/v1${call.path}`)].join(" \\\n  ");
}

/** Only what is filled in. */
function filled(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== "" && value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)),
  );
}

/** `--name=value`: one word, so that a value that begins with a dash stays a value. */
function option(name: string, value: string | number | undefined): string[] {
  return value === "" || value === undefined ? [] : [`--${name}=${value}`];
}

const key = encodeURIComponent;

/** What stands by position must not be taken for an option. */
function placed(...words: readonly string[]): readonly string[] {
  return words.some((word) => word.startsWith("-")) ? ["--", ...words] : words;
}

export interface EndpointValues {
  readonly uri: string;
  readonly user: string;
  readonly name: string;
  readonly pool: string;
  /** A host key, or a certificate of a vCenter, that was compared. */
  readonly hostKey?: string;
  readonly certificate?: string;
  readonly observeOnly: boolean;
  readonly password?: string;
}

/** An address with a user in it, as `qemu+ssh://root@h1/system`; one that is there stays. */
export function withUser(uri: string, user: string): string {
  const found = /^([a-z+0-9]+:\/\/)([^/?#]*)(.*)$/i.exec(uri);
  if (!found || !user || !found[2]) return uri;
  const host = found[2].slice(found[2].lastIndexOf("@") + 1);
  return `${found[1]}${key(user)}@${host}${found[3]}`;
}

export function addEndpoint(given: EndpointValues): Asked {
  const uri = withUser(given.uri, given.user);
  const options = given.certificate ? { fingerprint: given.certificate } : null;
  return {
    call: {
      method: "POST",
      path: "/endpoints",
      body: {
        ...filled({ uri, name: given.name, pool: given.pool, password: given.password, host_key: given.hostKey }),
        ...(options && { options }),
        observe_only: given.observeOnly,
      },
    },
    words: [
      "host", "add", uri,
      ...option("name", given.name),
      ...option("pool", given.pool === "default" ? "" : given.pool),
      ...(options ? [`--option=fingerprint=${options.fingerprint}`] : []),
      ...option("host-key", given.hostKey),
      given.observeOnly ? "--observe-only" : "--operate",
    ],
  };
}

export interface ServerValues {
  readonly address: string;
  readonly user: string;
  readonly name: string;
  readonly pool: string;
  readonly fingerprint: string;
  readonly password?: string;
}

export function adoptServer(given: ServerValues): Asked {
  return {
    call: { method: "POST", path: "/servers", body: filled({ ...given }) },
    words: [
      "server", "adopt", given.address,
      ...option("user", given.user),
      ...option("name", given.name),
      ...option("pool", given.pool === "default" ? "" : given.pool),
      ...option("fingerprint", given.fingerprint),
    ],
  };
}

export function openSample(): Asked {
  return { call: { method: "POST", path: "/sample" }, words: ["pool", "sample"] };
}

export interface VmValues {
  readonly name: string;
  readonly image: string;
  readonly count: number;
  readonly vcpus: number;
  readonly memory: string;
  readonly disk: string;
  readonly networks: readonly string[];
  readonly host: string;
  readonly tags: readonly string[];
  readonly start: boolean;
}

export function createVm(given: VmValues): Asked {
  const { name, image, count, vcpus, start } = given;
  return {
    call: {
      method: "POST",
      path: "/vms",
      body: {
        name, image, count, vcpus, start,
        ...filled({ memory: given.memory, disk: given.disk, networks: given.networks, host: given.host, tags: given.tags }),
      },
    },
    words: [
      "vm", "create",
      ...option("image", image),
      ...option("count", count === 1 ? "" : count),
      ...option("vcpus", vcpus === 1 ? "" : vcpus),
      ...option("memory", given.memory),
      ...option("disk", given.disk),
      ...given.networks.map((one) => `--network=${one}`),
      ...option("host", given.host),
      ...given.tags.map((one) => `--tag=${one}`),
      ...(start ? [] : ["--stopped"]),
      ...placed(name),
    ],
  };
}

export function evacuateHost(id: string, name: string): Asked {
  return { call: { method: "POST", path: `/hosts/${key(id)}/evacuate` }, words: ["host", "evacuate", ...placed(name)] };
}

/** A rule as the API takes it: its kind, and what that kind needs to know. */
export type Rule = Readonly<Record<string, string | number | boolean>> & { readonly kind: string };

export interface PolicyValues {
  readonly name: string;
  readonly scope: string;
  readonly rule: Rule;
  readonly should: boolean;
}

export function addPolicy(given: PolicyValues): Asked {
  const { kind, ...details } = given.rule;
  const told = Object.entries(details).flatMap(([name, value]) =>
    value === true ? [`--${name.replaceAll("_", "-")}`] : option(name.replaceAll("_", "-"), String(value)),
  );
  return {
    call: {
      method: "POST",
      path: "/policies",
      body: { name: given.name, scope: given.scope, rule: given.rule, ...(given.should && { strength: "should" }) },
    },
    words: ["policy", "add", ...told, ...(given.should ? ["--should"] : []), ...placed(given.name, kind, given.scope)],
  };
}

export interface MoveValues {
  readonly profile: string;
  readonly to: string;
  readonly force: boolean;
}

export function assignProfile(given: MoveValues): Asked {
  return {
    call: {
      method: "POST",
      path: `/profiles/${key(given.profile)}/assign`,
      body: { ...(given.force && { force: true }), ...filled({ to: given.to }) },
    },
    words: ["profile", "assign", ...option("to", given.to), ...(given.force ? ["--force"] : []), ...placed(given.profile)],
  };
}

/** A calendar as it is declared; what is empty is left out. */
export interface CalendarValues {
  readonly name: string;
  readonly servers: string;
  readonly zone: string;
  readonly description: string;
  readonly purposes: readonly {
    readonly name: string;
    readonly profiles: readonly string[];
    readonly services: readonly string[];
    readonly hosts: boolean;
  }[];
  readonly spans: readonly { readonly purpose: string; readonly when: string }[];
  readonly otherwise: string;
  readonly exceptions: readonly { readonly purpose: string; readonly when: string; readonly words: string }[];
  readonly onLoad: Readonly<Record<string, unknown>> | null;
  readonly level: string;
  readonly enabled: boolean;
  readonly waive: boolean;
}

export function declareCalendar(given: CalendarValues): Asked {
  const body = {
    name: given.name,
    servers: given.servers,
    zone: given.zone,
    purposes: given.purposes.map(({ name, profiles, services, hosts }) => ({ name, ...filled({ profiles, services }), ...(hosts && { hosts }) })),
    ...filled({ spans: given.spans, otherwise: given.otherwise, description: given.description, on_load: given.onLoad }),
    ...(given.exceptions.length > 0 && { exceptions: given.exceptions.map(({ purpose, when, words }) => ({ purpose, when, ...filled({ words }) })) }),
    level: given.level,
    ...(!given.enabled && { enabled: false }),
    ...(given.waive && { waive: true }),
  };
  return {
    call: { method: "POST", path: "/calendars", body },
    words: ["calendar", "apply", "/dev/stdin"],
    input: JSON.stringify(body, null, 2),
  };
}

/** Which of a form's fields a refusal is about: named by the API, or its value is in the words. */
export function concerned(
  problem: { readonly message: string; readonly errors: readonly { readonly field: string }[] },
  values: Readonly<Record<string, string>>,
): string {
  const last = (field: string): string => field.split(/[.[\]]+/).filter(Boolean).at(-1) ?? "";
  for (const one of problem.errors) if (last(one.field) in values) return last(one.field);
  const inside = Object.entries(values)
    .filter(([, value]) => value.length > 1 && problem.message.includes(value))
    .sort(([, a], [, b]) => b.length - a.length);
  if (inside[0]) return inside[0][0];
  const named = Object.keys(values).find((name) => new RegExp(`\\b${name.replaceAll("_", "[ _]")}s?\\b`, "i").test(problem.message));
  return named ?? "";
}
