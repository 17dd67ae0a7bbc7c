"use strict";
/* What is shown comes from hypervisors and people: it becomes text, never markup. */

const api = "/api/v1";
const most = 1000;
const $ = (id) => document.getElementById(id);
let csrf = "";
let stream = null;
let waiting = false;
let again = false;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function state(name) {
  const element = make("span", "state", name);
  element.dataset.state = name;
  return element;
}

function size(mib) {
  if (mib >= 1024) return `${(mib / 1024).toFixed(1).replace(/\.0$/, "")} GiB`;
  return `${mib} MiB`;
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

async function ask(method, path, body) {
  const headers = { "X-Anypool-CSRF": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(api + path, {
    method, headers, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = answer.status === 204 ? null : await answer.json();
  if (answer.ok) return content;
  const error = new Error(content.detail + (content.hint ? ` (${content.hint})` : ""));
  error.status = answer.status;
  throw error;
}

function showLogin(why) {
  if (stream) stream.close();
  stream = null;
  $("pool").hidden = true;
  $("logout").hidden = true;
  $("who").textContent = "";
  $("live").textContent = "";
  $("login").hidden = false;
  $("login-error").textContent = why || "";
}

function entered(me) {
  csrf = me.csrf;
  $("login").hidden = true;
  $("pool").hidden = false;
  $("logout").hidden = false;
  $("who").textContent = `${me.user}, ${me.role}`;
  follow();
  read();
}

function vmLine(vm) {
  const line = make("li");
  line.append(make("span", "title", vm.name), state(vm.state));
  const load = vm.load ? `${Math.round(vm.load.cpu_percent)} % CPU, ` : "";
  line.append(make("span", "aside", load + size(vm.memory_mib)));
  return line;
}

function hostCard(host, vms) {
  const card = make("article", "card");
  const head = make("header");
  const shown = host.maintenance && host.state === "up" ? "maintenance" : host.state;
  head.append(make("span", "title", host.name), state(shown));
  head.append(make("span", "aside", count(host.vms, "VM")));
  const facts = make("div", "facts");
  const used = host.memory_mib - host.memory_free_mib;
  const meter = make("meter");
  meter.max = Math.max(1, host.memory_mib);
  meter.value = used;
  meter.setAttribute("aria-label", `memory of ${host.name}`);
  facts.append(make("div", "", host.hypervisor), meter);
  const load = host.load ? `, ${Math.round(host.load.cpu_percent)} % of one CPU in use` : "";
  const cpus = count(host.cpus, "CPU");
  facts.append(make("div", "", `${size(used)} of ${size(host.memory_mib)} promised, ${cpus}${load}`));
  card.append(head, facts);
  if (vms.length === 0) {
    card.append(make("p", "none", host.maintenance ? "Empty and closed" : "No VMs"));
  } else {
    const list = make("ul");
    list.append(...vms.map(vmLine));
    card.append(list);
  }
  return card;
}

function operationCard(operation) {
  const card = make("div", "card operation");
  const line = make("div", "line");
  line.append(make("span", "title", operation.goal), state(operation.state));
  const steps = `${operation.steps_done} of ${count(operation.steps_total, "step")}`;
  line.append(make("span", "aside", `${steps}, by ${operation.by}`));
  card.append(line);
  const bar = make("progress");
  bar.max = 100;
  bar.value = operation.progress_percent;
  bar.setAttribute("aria-label", `progress of ${operation.goal}`);
  card.append(bar);
  if (operation.message) card.append(make("div", "sub", operation.message));
  return card;
}

function show(hosts, vms, operations) {
  const places = new Map(hosts.items.map((host) => [host.id, []]));
  const nowhere = [];
  for (const vm of vms.items) (places.get(vm.host) || nowhere).push(vm);
  const running = vms.items.filter((vm) => vm.state === "running").length;
  const unknown = vms.items.filter((vm) => vm.state === "unknown").length;
  $("headline").textContent = hosts.total === 0
    ? "No hosts yet"
    : `${count(vms.total, "VM")} on ${count(hosts.total, "host")}, ${running} running`;
  $("sub").textContent = summary(hosts, vms, unknown, nowhere.length);
  $("hosts").replaceChildren(...hosts.items.map((host) => hostCard(host, places.get(host.id))));
  const now = Date.now() / 1000;
  const recent = operations.items.filter((one) => !one.ended_at || now - one.ended_at < 60);
  $("work").hidden = recent.length === 0;
  $("operations").replaceChildren(...recent.map(operationCard));
  return recent.some((one) => !one.ended_at);
}

function summary(hosts, vms, unknown, nowhere) {
  if (hosts.total === 0) return "Add one: anypool host add URI";
  const parts = [];
  if (unknown) parts.push(`${count(unknown, "VM")} unknown: the host does not answer`);
  if (nowhere) parts.push(`${count(nowhere, "VM")} on no host`);
  const left = hosts.total + vms.total - hosts.items.length - vms.items.length;
  if (left > 0) parts.push(`only the first ${most} of each are shown`);
  return parts.join(". ") || "Everything answers.";
}

async function read() {
  if (waiting) { again = true; return; }
  waiting = true;
  try {
    const [hosts, vms, operations] = await Promise.all([
      ask("GET", `/hosts?limit=${most}`), ask("GET", `/vms?limit=${most}`),
      ask("GET", "/operations?limit=20"),
    ]);
    if (show(hosts, vms, operations)) again = true;
  } catch (error) {
    if (error.status === 401) showLogin("The session is over.");
  } finally {
    setTimeout(() => {
      waiting = false;
      if (again) { again = false; read(); }
    }, 700);
  }
}

function follow() {
  if (stream) stream.close();
  stream = new EventSource(`${api}/events/stream`);
  const live = $("live");
  stream.addEventListener("open", () => {
    live.textContent = "live";
    live.classList.remove("stale");
    read();
  });
  stream.addEventListener("notice", read);
  stream.addEventListener("error", () => {
    const since = new Date().toLocaleTimeString();
    if (!live.classList.contains("stale")) live.textContent = `not live since ${since}`;
    live.classList.add("stale");
    ask("GET", "/me").catch((error) => {
      if (error.status === 401) showLogin("The session is over.");
    });
  });
}

$("password-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  try {
    entered(await ask("POST", "/login", {
      user: form.get("user"), password: form.get("password"),
    }));
    event.target.reset();
  } catch (error) {
    showLogin(error.message);
  }
});

$("logout").addEventListener("click", async () => {
  await ask("POST", "/logout").catch(() => null);
  csrf = "";
  showLogin("");
});

async function begin() {
  const code = location.hash.slice(1).replace(/^code=/, "");
  if (code) history.replaceState(null, "", "/");
  try {
    entered(code ? await ask("POST", "/login", { code }) : await ask("GET", "/me"));
  } catch (error) {
    showLogin(code ? error.message : "");
  }
}

begin();
