/** As much of noVNC as is used here. */
declare module "@novnc/novnc" {
  interface Said {
    connect: CustomEvent<unknown>;
    disconnect: CustomEvent<{ readonly clean: boolean }>;
    securityfailure: CustomEvent<{ readonly status: number; readonly reason?: string }>;
  }
  export default class RFB {
    constructor(place: HTMLElement, channel: WebSocket, options?: { shared?: boolean });
    scaleViewport: boolean;
    background: string;
    addEventListener<K extends keyof Said>(name: K, listener: (event: Said[K]) => void): void;
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    sendCtrlAltDel(): void;
    disconnect(): void;
  }
}
