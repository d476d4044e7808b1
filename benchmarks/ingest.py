"""What an ingest into a store costs, against reading the same logs without one.

    python benchmarks/ingest.py             300 small runs
    python benchmarks/ingest.py --scale 1   3000

The peer is our own reading: finding, parsing, grouping. The ingest adds the plan, the Parquet files and their syncs.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from csv_files import write_log
from processes import cost, print_costs

READ = "import sys; from kcb_replay.ingest.ingest import read; assert read(sys.argv[1])"
INGEST = """
import sys, tempfile
from kcb_replay.ingest.store import Store
with tempfile.TemporaryDirectory() as folder:
    assert Store(folder + "/store").ingest(sys.argv[1]).written
"""
AGAIN = "import sys; from kcb_replay.ingest.store import Store; assert Store(sys.argv[2]).ingest(sys.argv[1]).unchanged"


def main() -> None:
    """Print CPU seconds and peak memory of reading, of the first ingest and of one that finds nothing new."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="1 for 3000 runs")
    runs = int(3000 * parser.parse_args().scale)
    with tempfile.TemporaryDirectory() as folder:
        logs, store = Path(folder, "logs"), Path(folder, "store")
        for number in range(runs):
            write_log(logs / f"run{number:05d}" / "training.log", 20, seed=number)
        ours, peer = cost(INGEST, logs), cost(READ, logs)
        print_costs(f"{runs} runs of 20 epochs: ingest against reading alone", ours, peer, "reading")
        cost(AGAIN.replace("unchanged", "other_files == 0"), logs, store, repeats=1)
        print_costs("again, nothing changed", cost(AGAIN, logs, store), peer, "reading")


if __name__ == "__main__":
    main()
