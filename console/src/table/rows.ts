/** The rows of a list by their place: pages of the manager, read when they come into view. */
import { keepPreviousData, useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { get } from "../api/client";
import { Problem } from "../api/problem";
import { useCounts, useRead } from "../api/queries";
import type { Facet, Page } from "../api/types";

export const PAGE = 100;
const NO_FACETS: readonly Facet[] = [];

export interface Rows<T> {
  readonly total: number;
  /** The row at a place, undefined while it is read. */
  readonly at: (index: number) => T | undefined;
  readonly first: Page<T> | undefined;
  readonly facets: readonly Facet[];
  readonly error: Problem | null;
  /** Whether what is shown answers an older question. */
  readonly old: boolean;
  readonly again: () => void;
  readonly tookMs: number;
}

/** A list whose any place can be read: the pages `from` to `to` are in view.
 *
 * What is counted beside the rows is asked for when they are there, and less often: it costs the
 * manager more than they do.
 */
export function useJumping<T>(path: string, q: string, facets: string, from: number, to: number): Rows<T> {
  const asked = useRef({ q, at: performance.now(), took: 0 });
  if (asked.current.q !== q) asked.current = { q, at: performance.now(), took: 0 };
  const first = useRead<Page<T>>(path, { q, limit: PAGE });
  const there = first.data !== undefined && !first.isPlaceholderData;
  const counted = useCounts<T>(path, { q, limit: 1, facets }, there && facets !== "");
  if (there && !asked.current.took) asked.current.took = performance.now() - asked.current.at;
  const wanted = useMemo(() => {
    const pages: number[] = [];
    for (let page = Math.max(1, from); page <= to; page += 1) pages.push(page);
    return pages;
  }, [from, to]);
  const more = useQueries({
    queries: wanted.map((page) => ({
      queryKey: [path, { q, limit: PAGE, offset: page * PAGE }],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        get<Page<T>>(path, { q, limit: PAGE, offset: page * PAGE }, signal),
      gcTime: 60_000,
    })),
  });
  const pages = new Map(wanted.map((page, index) => [page, more[index]?.data]));
  return {
    total: first.data?.total ?? 0,
    at: (index) => {
      const page = Math.floor(index / PAGE);
      return (page === 0 ? first.data : pages.get(page))?.items[index % PAGE];
    },
    first: first.data,
    facets: counted.data?.facets ?? NO_FACETS,
    error: first.error,
    old: first.isPlaceholderData,
    again: () => void first.refetch(),
    tookMs: asked.current.took,
  };
}

/** A list of records, newest first, that is read on when its end comes into view. */
export function useGrowing<T>(path: string, q: string, to: number): Rows<T> {
  const began = useRef({ q, at: performance.now(), took: 0 });
  if (began.current.q !== q) began.current = { q, at: performance.now(), took: 0 };
  const found = useInfiniteQuery<Page<T>, Problem>({
    queryKey: [path, { q, limit: PAGE, growing: true }],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      get<Page<T>>(path, { q, limit: PAGE, cursor: String(pageParam) }, signal),
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
  if (found.data && !found.isPlaceholderData && !began.current.took) {
    began.current.took = performance.now() - began.current.at;
  }
  const items = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  if (to >= items.length - 1 && found.hasNextPage && !found.isFetching && items.length > 0) {
    queueMicrotask(() => void found.fetchNextPage());
  }
  const total = found.data?.pages[0]?.total ?? 0;
  return {
    total: found.hasNextPage ? Math.min(total, items.length + 20) : items.length,
    at: (index) => items[index],
    first: found.data?.pages[0],
    facets: NO_FACETS,
    error: found.error,
    old: found.isPlaceholderData,
    again: () => void found.refetch(),
    tookMs: began.current.took,
  };
}
