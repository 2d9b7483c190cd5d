/**
 * Aborts on the first signal that ends a process; a second one ends it at once. With `withStdin` also when standard input
 * closes: whoever started us as a child is gone then.
 */
export function stopSignal({ withStdin }: { withStdin: boolean }): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted && signal !== 'SIGHUP') process.exit(1);
      stop.abort();
    });
  }
  if (withStdin) {
    process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort());
    process.stdin.resume();
  }
  return stop.signal;
}
