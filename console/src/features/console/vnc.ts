import RFB from "@novnc/novnc";
import { socketOf, type Open } from "./screen";

/** X11 keysyms: those of Latin-1 are the characters themselves. */
function keysym(letter: string): number {
  if (letter === "\n" || letter === "\r") return 0xff0d;
  if (letter === "\t") return 0xff09;
  const code = letter.codePointAt(0) ?? 0;
  return code < 0x100 ? code : 0x01000000 | code;
}

export const openVnc: Open = (place, ticket, heard) => {
  const rfb = new RFB(place, socketOf(ticket), { shared: true });
  let why = "";
  rfb.scaleViewport = true;
  rfb.background = "transparent";
  rfb.addEventListener("connect", heard.opened);
  rfb.addEventListener("disconnect", () => heard.closed(why));
  rfb.addEventListener("securityfailure", (event) => {
    why = event.detail.reason ?? "";
  });
  place.querySelector("canvas")?.setAttribute("aria-label", heard.label);
  return {
    type: (text) => {
      for (const letter of text.replace(/\r\n/g, "\n")) rfb.sendKey(keysym(letter), null);
    },
    ctrlAltDel: () => rfb.sendCtrlAltDel(),
    close: () => rfb.disconnect(),
  };
};
