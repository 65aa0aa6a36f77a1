import { QueryClient, QueryClientProvider, notifyManager } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "./api/client";
import "./page.css";
import { Page } from "./routes/page";
import { SessionProvider } from "./state/session";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      // What the server refuses it refuses again; what does not answer may answer soon.
      retry: (failures, error) => !(error instanceof Refused) && failures < 5,
    },
  },
});

// Before the next key: who presses faster than the browser draws must not decide a box that is decided already.
notifyManager.setScheduler(queueMicrotask);

createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <SessionProvider>
        <Page />
      </SessionProvider>
    </QueryClientProvider>
  </StrictMode>,
);
