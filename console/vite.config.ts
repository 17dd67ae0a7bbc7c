import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const manager = process.env.ANYPOOL_URL ?? "http://127.0.0.1:8420";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/anypool/api/web",
    emptyOutDir: true,
    target: "es2022",
    // The policy of the manager allows no data: addresses, so that nothing is put into styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { "/api": { target: manager, changeOrigin: true, ws: true } },
  },
});
