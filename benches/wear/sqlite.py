"""What SQLite writes for the same: each event a row that is durable before it is acknowledged, removed later.

Called by main.rs with the file of the database, events a second and how many seconds. WAL mode, synchronous=FULL: a
commit is on the disk when it returns. Events that come within 5 ms are committed together; the removal of what was
committed before rides along, as a delivery's end does in farhook.
"""

import os
import sqlite3
import sys
import time

TOGETHER_S = 0.005
DATA_BYTES = 500


def main(path, per_second, seconds):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE delivery (seq INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    # main.rs begins to count from here.
    print("ready", flush=True)
    sys.stdin.readline()
    began, come, committed, removed = time.monotonic(), 0, 0, 0
    while committed < per_second * seconds:
        next_at = began + come / per_second
        time.sleep(max(0.0, next_at - time.monotonic()))
        close_at = time.monotonic() + TOGETHER_S
        while come < per_second * seconds and began + come / per_second <= close_at:
            come += 1
        if per_second > 1 / TOGETHER_S:
            time.sleep(max(0.0, close_at - time.monotonic()))
        database.execute("BEGIN IMMEDIATE")
        database.execute("DELETE FROM delivery WHERE seq > ? AND seq <= ?", (removed, committed))
        rows = ((seq, os.urandom(DATA_BYTES // 2).hex()) for seq in range(committed + 1, come + 1))
        database.executemany("INSERT INTO delivery VALUES (?, ?)", rows)
        database.execute("COMMIT")
        removed, committed = committed, come
    database.execute("DELETE FROM delivery")
    print("done", flush=True)
    # It is measured before the checkpoint that closing brings.
    sys.stdin.readline()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
