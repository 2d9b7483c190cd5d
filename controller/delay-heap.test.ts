import { describe, expect, it } from 'vitest';
import { DelayHeap } from './delay-heap.ts';

function popAll<T>(heap: DelayHeap<T>): T[] {
  const items: T[] = [];
  for (let next = heap.pop(); next; next = heap.pop()) items.push(next.item);
  return items;
}

describe('DelayHeap', () => {
  it('gives the earliest first', () => {
    const heap = new DelayHeap<number>();
    const times = Array.from({ length: 500 }, (_, index) => (index * 7_919) % 501);
    for (const time of times) heap.push(time, time);
    expect(popAll(heap)).toEqual(times.toSorted((a, b) => a - b));
  });

  it('keeps the order of arrival for equal times', () => {
    const heap = new DelayHeap<string>();
    for (const item of ['a', 'b', 'c', 'd', 'e']) heap.push(1, item);
    expect(popAll(heap)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is still in order after some were dropped', () => {
    const heap = new DelayHeap<number>();
    for (let index = 0; index < 100; index++) heap.push((index * 37) % 101, (index * 37) % 101);
    heap.retain(({ item }) => item % 2 === 0);
    heap.push(3, 3);
    const rest = popAll(heap);
    expect(rest).toEqual(rest.toSorted((a, b) => a - b));
    expect(rest.filter((item) => item % 2 === 1)).toEqual([3]);
  });

  it('is empty in the end', () => {
    const heap = new DelayHeap<string>();
    heap.push(1, 'a');
    expect(heap.peek()?.item).toBe('a');
    heap.pop();
    expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined]);
  });
});
