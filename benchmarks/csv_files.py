"""What reading CSVLogger files costs, against pandas.read_csv: many small files, and one of a million rows.

    python benchmarks/csv_files.py             a tenth of the workloads
    python benchmarks/csv_files.py --scale 1   1000 files of 100 rows, 1M rows

The first figures are of whole processes, the second ratio is of the work in them, after their imports: to the
"reader alone" and to pandas the paths are given, "found, hashed and grouped" begins with a folder.
Ours gives recordings with hashes and notes, pandas tables.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from processes import cost, print_costs, seconds_of_work

OURS = "import sys; from kcb_replay.ingest.ingest import read; import pyarrow.csv", "assert read(sys.argv[1])"
READER = (
    """
import sys
from pathlib import Path
import pyarrow.csv
from kcb_replay.ingest.readers.base import Blob
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER
paths = sorted(Path(sys.argv[1]).rglob("*.log"))
""",
    "assert CSVLOGGER.read_many([(Blob(str(path), path.read_bytes()),) for path in paths])",
)
PANDAS = (
    """
import sys; from pathlib import Path; import pandas
paths = sorted(Path(sys.argv[1]).rglob("*.log"))
""",
    "assert [pandas.read_csv(path) for path in paths]",
)
HEADER = "epoch,accuracy,loss,val_accuracy,val_loss\r\n"


def main() -> None:
    """Print CPU seconds, peak memory and the ratios of both workloads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="1 for the workloads as they are named")
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as folder:
        files, rows = int(1000 * scale), int(1_000_000 * scale)
        for number in range(files):
            write_log(Path(folder, "many", f"run{number:05d}", "training.log"), 100, seed=number)
        write_log(Path(folder, "one", "training.log"), rows, seed=0)
        _compare(f"{files} files of 100 rows", Path(folder, "many"))
        _compare(f"one file of {rows:,} rows", Path(folder, "one"))


def write_log(path: Path, rows: int, *, seed: int) -> None:
    """Write what CSVLogger writes for `rows` epochs."""
    noise = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        file.write(HEADER)
        for epoch in range(rows):
            file.write(f"{epoch},{','.join(repr(noise.random()) for _ in range(4))}\r\n")


def _compare(title: str, folder: Path) -> None:
    peer, peer_work = cost("\n".join(PANDAS), folder), seconds_of_work(*PANDAS, folder)
    for what, code in ("reader alone", READER), ("found, hashed and grouped, too", OURS):
        print_costs(f"{title}: {what}", cost("\n".join(code), folder), peer, "pandas")
        work = seconds_of_work(*code, folder)
        print(f"  without imports: {work:.3f} and {peer_work:.3f} CPU s, ratio {peer_work / work:.2f}")


if __name__ == "__main__":
    main()
