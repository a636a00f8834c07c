#!/usr/bin/env python3
"""peer_joinable_queue.py ITEMS WORKERS: items of 16 bytes through a multiprocessing.JoinableQueue to processes that do
nothing with them. Prints the items a second, from the first put to the return of join."""

import multiprocessing
import sys
import time


def work(queue):
    while queue.get() is not None:
        queue.task_done()
    queue.task_done()


def main():
    items, workers = int(sys.argv[1]), int(sys.argv[2])
    queue = multiprocessing.JoinableQueue()
    processes = [multiprocessing.Process(target=work, args=(queue,)) for _ in range(workers)]
    for process in processes:
        process.start()
    queue.put(b"0123456789abcdef")    # who is here is ready
    queue.join()
    began = time.monotonic()
    for _ in range(items):
        queue.put(b"0123456789abcdef")
    queue.join()
    print(f"{items / (time.monotonic() - began):.0f}")
    for _ in processes:
        queue.put(None)
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
