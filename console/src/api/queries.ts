/** Reading: each query is named by its path, so that live.ts knows what a notice makes old. */
import { QueryClient, keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { get, type Query } from "./client";
import { Problem } from "./problem";
import type { Page } from "./types";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What is shown becomes old by a notice of the manager, not by time.
      staleTime: Infinity,
      gcTime: 5 * 60_000,
      retry: (count, error) => count < 2 && error instanceof Problem && error.status === 503,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      networkMode: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

/** Read one path; `query` is part of the name. While something else is read, the old stays. */
export function useRead<T>(
  path: string,
  query: Query = {},
  options: { enabled?: boolean; refetchInterval?: number } = {},
): UseQueryResult<T, Problem> {
  return useQuery<T, Problem>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get<T>(path, query, signal),
    placeholderData: keepPreviousData,
    ...options,
  });
}

/** Read the first rows of a list. */
export function useRows<T>(
  path: string,
  query: Query = {},
  options: { enabled?: boolean; refetchInterval?: number } = {},
): UseQueryResult<Page<T>, Problem> {
  return useRead<Page<T>>(path, query, options);
}

/** Read what takes the manager a while: after a notice, but no more than every few seconds. */
export function useUnhurried<T>(path: string, query: Query): UseQueryResult<T, Problem> {
  return useQuery<T, Problem>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get<T>(path, query, signal),
    placeholderData: keepPreviousData,
    meta: { unhurried: true },
  });
}

/** Read sums and counts: after a notice at once, but no more than every few seconds (live.ts). */
export function useCounts<T>(path: string, query: Query, enabled = true): UseQueryResult<Page<T>, Problem> {
  return useQuery<Page<T>, Problem>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get<Page<T>>(path, query, signal),
    placeholderData: keepPreviousData,
    enabled,
    meta: { unhurried: true },
  });
}
