#!/usr/bin/env python3
"""joinable_queue.py ITEMS WORKERS: multiprocessing.JoinableQueue, from the first put of 16 bytes to the return of join;
items a second, on one line."""

import multiprocessing
import sys
import time


def work(queue, ready):
    ready.release()
    while True:
        queue.get()
        queue.task_done()


def main():
    items, workers = map(int, sys.argv[1:])
    queue, ready = multiprocessing.JoinableQueue(), multiprocessing.Semaphore(0)
    for _ in range(workers):
        multiprocessing.Process(target=work, args=(queue, ready), daemon=True).start()
    for _ in range(workers):
        ready.acquire()
    began = time.monotonic()
    for _ in range(items):
        queue.put(b"an item of bytes")
    queue.join()
    print(f"{items / (time.monotonic() - began):.0f}")


if __name__ == "__main__":
    main()
