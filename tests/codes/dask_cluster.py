"""A scheduler and two workers, each a process of its own. Prints the address; ends with its input. Run by tests."""

import logging
import sys

from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.ERROR
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.readline()
