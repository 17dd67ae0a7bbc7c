import type { ConsoleTicket } from "../../api/types";

/** What both kinds of consoles can do. */
export interface Screen {
  readonly type: (text: string) => void;
  readonly ctrlAltDel: () => void;
  readonly close: () => void;
}

export interface Heard {
  readonly opened: () => void;
  /** With the reason, if one was given. */
  readonly closed: (why: string) => void;
  /** It went to somebody else, by name: a serial console has one user. */
  readonly taken: (by: string) => void;
  readonly label: string;
}

/** With this code the manager closes a console that somebody else took. */
const TAKEN = 4001;

/** How the end of a console is told. */
export function tellEnd(event: CloseEvent, heard: Heard): void {
  if (event.code === TAKEN) heard.taken(event.reason);
  else heard.closed(event.reason);
}

export type Open = (place: HTMLElement, ticket: ConsoleTicket, heard: Heard) => Screen;

/** The websocket of a ticket, at the manager that gave it. */
export function socketOf(ticket: ConsoleTicket): WebSocket {
  const address = new URL(ticket.path, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address, [...ticket.subprotocols]);
  socket.binaryType = "arraybuffer";
  return socket;
}
