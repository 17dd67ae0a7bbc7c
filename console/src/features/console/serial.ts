import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { socketOf, tellEnd, type Open } from "./screen";

/** A document whose style elements fill sheets of the page instead.
 *
 * The terminal makes style elements for its colours and sizes; the policy of the manager
 * refuses those, and allows sheets that a script made.
 */
function withSheets(sheets: CSSStyleSheet[]): Document {
  return new Proxy(document, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name);
      if (name === "createElement") {
        return (tag: string) => (tag === "style" ? styleElement(target, sheets) : target.createElement(tag));
      }
      return typeof found === "function" ? (found as () => unknown).bind(target) : found;
    },
  });
}

function styleElement(target: Document, sheets: CSSStyleSheet[]): HTMLElement {
  const made = target.createElement("div");
  made.hidden = true;
  const sheet = new CSSStyleSheet();
  sheets.push(sheet);
  target.adoptedStyleSheets = [...target.adoptedStyleSheets, sheet];
  Object.defineProperty(made, "textContent", { set: (text: string) => sheet.replaceSync(text) });
  return made;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const openSerial: Open = (place, ticket, heard) => {
  const sheets: CSSStyleSheet[] = [];
  const terminal = new Terminal({
    documentOverride: withSheets(sheets),
    screenReaderMode: true,
    scrollback: 5000,
    fontSize: 13,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--ap-font-mono") || "monospace",
    theme: {
      background: colour("--ap-surface"),
      foreground: colour("--ap-ink"),
      cursor: colour("--ap-accent"),
      selectionBackground: colour("--ap-selected"),
    },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(place);
  fit.fit();
  const watch = new ResizeObserver(() => fit.fit());
  watch.observe(place);
  const socket = socketOf(ticket);
  const encoder = new TextEncoder();
  const give = (text: string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(text));
  };
  socket.onopen = () => {
    heard.opened();
    terminal.focus();
  };
  socket.onmessage = (message: MessageEvent<ArrayBuffer>) => terminal.write(new Uint8Array(message.data));
  socket.onclose = (event) => tellEnd(event, heard);
  terminal.onData(give);
  return {
    type: (text) => give(text.replace(/\r?\n/g, "\r")),
    ctrlAltDel: () => undefined,
    close: () => {
      watch.disconnect();
      socket.onclose = null;
      socket.close();
      terminal.dispose();
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => !sheets.includes(one));
    },
  };
};
