/** What a page shows, and of how much. */
export interface Pagination {
  page: number;
  limit: number;
  total: number;
  total_pages: number;
}

/** One page of a list, which is empty beyond the last. */
export function pageOf<T>(
  all: readonly T[],
  { page, limit }: { page: number; limit: number },
): { items: T[]; pagination: Pagination } {
  const start = (page - 1) * limit;
  const total = all.length;
  return {
    items: all.slice(start, start + limit),
    pagination: { page, limit, total, total_pages: Math.ceil(total / limit) },
  };
}

/** For lists that begin with what was made last. */
export function newestFirst(a: Made, b: Made): number {
  const [first, second] = [a.metadata, b.metadata];
  if (first.creationTimestamp !== second.creationTimestamp) {
    return first.creationTimestamp < second.creationTimestamp ? 1 : -1;
  }
  return first.uid < second.uid ? 1 : -1;
}

interface Made {
  metadata: { creationTimestamp: string; uid: string };
}
