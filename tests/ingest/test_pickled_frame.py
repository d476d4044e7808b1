"""Pickled DataFrames are read as inert data, as other Histories are."""

from __future__ import annotations

import base64
import pickle
import random
import zlib

import numpy as np
import pandas as pd
import pytest

from kcb_replay.errors import KcbReplayError, ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.history import HISTORY

FRAME = pd.DataFrame({"loss": [0.9, 0.7, 0.1 + 0.2], "val_loss": np.array([1, 0.8, 0.6], np.float32)})
# pickle.dumps(pd.DataFrame({"loss": [0.9, 0.7, 0.5], "val_loss": [1.0, 0.8, 0.6]}), 4), packed.
OLDER = {
    "1.5.3": (
        r"c-n1JL2K1O5PnJXv=*@x(bh}PEkY2ycu)ei2pUYG_p(fqeJ`P#P1xPEKCn;^tu5@W(}VsS@AW?jf*^S4KhW8IZEeLl%+4nB&3@m^"
        r">_?|x!htut(19#L$3?4nJW|kbw0G9Qz$+i0;OYn5!xbB`W~|UIUr(>4;YxzgaRU;@Txqm-Uy8QaemlJr+&;WOFj43FF9hv8>t$CL"
        r"+k&&)VO;V9**D!}TD|FosX-~2P*tXQ(MoMpUl^A-^oeM1Q*EDeg6ZG@*Mb~B;wG-7K^mqrhgi+qVQD6vQ)0u>Gdw<;{-3eIbIh{r"
        r"&2KXA(t*MJc<ss8GiSe&k+&bov{BzK&hzB+CucvCr{2CNNH9B__chU#q-&@}U2so`I0WvwG<5y|x2TazH#=DJcU;FgXzKeMlYE!G"
        r"cHanIt=i#b>?cstRIs{NEjXps{VSbxS+e2A4Q=oL(Uv%E?)gZxnn=#>fM7o4j(#NFu(SS<@YQ4c=zkm)$gv~2>CS7!suvk)HlPeC"
        r"wvje%heUw_PC?*na_4A=XcDwuPRQk|v4$J)%C@L=U<@tM9@<-MBw*~rMG&Ih)vWA0YAhJe1mv7H=t%c@{0EdlA&~"
    ),
    "2.2.3": (
        r"c-n1J&ui5{5PnJXv=y-wLF=XG79j{;JSYJxf(=IKy)2Vt-%IFb6LvS&2Nv|uU$D1M5AC1Rv;Gf)P$+otKWJz7wc3hvn4L}LoBh6-"
        r"`4SzSh68VQp#xchj*C|Dc%-1=Xy@L5fww+B#FekOjmtJ-%~+vbx|v=}!<7V~;|3&*xzcFwzZPw=`F?sQxP5emV4}|TUkKWH*2}Ig"
        r"HU($7!}w&`H{B#=zI@XQQ-e}4p|VWzqLtdHzA!Fx=rhsYrQ$y25Yxd9t_C^o;W{p-K^mqryI9TJVQD6vlVZcs3q07L{-3eIOU$xt"
        r"?Sjm^bYL()Sbg^Wo3mfZ$lF;m?bMH}^LKJ`?Cd;w?(JuS1hcbwUlUzP!iHMZ1^0xAL*SlEL+5vJgF3l*yM-nH#C4p5rpDi6l5eqh"
        r"?i<0Y6+66+{Rm1L3sw)R1*f!n_(vyQ7H#<9mbTCTXiJ<n_k1K;O(bVOf?z)6j(#NFw6lJf@YPfM<bNC$$gv~2?#>&;s#h6lHlPeC"
        r"wvje%heUw_PC?*na_4A?XcDwvPRRAHv4$J)$~LHVU<_^1HrhLEBw*~r#~?(zrCHf`)L1Z_3CKCE(7x{T_!6a#A@T"
    ),
}


def _read(content: bytes) -> Reading:
    assert HISTORY.accepts("df.pkl", content[:4096])
    return HISTORY.read((Blob("df.pkl", content),))


@pytest.mark.parametrize("version", OLDER)
def test_frames_of_older_pandas_are_read(version):
    """Written by these versions."""
    (fit,) = _read(zlib.decompress(base64.b85decode(OLDER[version]))).fits
    assert {name: series.values.tolist() for name, series in fit.metrics.items()} == {
        "loss": [0.9, 0.7, 0.5],
        "val_loss": [1.0, 0.8, 0.6],
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("names", [object, "string[python]", "string[pyarrow]"])
def test_values_are_those_of_the_frame(protocol, names):
    """Blocks of several dtypes, and names of columns as each pandas keeps them."""
    frame = FRAME.assign(accuracy=[1, 2, 3])
    frame.columns = frame.columns.astype(names)
    reading = _read(pickle.dumps(frame, protocol))
    (fit,) = reading.fits
    assert {name: series.values.tolist() for name, series in fit.metrics.items()} == frame.to_dict("list")
    assert [note.code for note in reading.notes] == ["no_epoch_column"]


def test_rows_and_columns_of_a_block_are_not_taken_for_each_other():
    """An array that a frame was made of lies the other way round in memory."""
    values = np.arange(12.0).reshape(4, 3)
    frame = pd.DataFrame(values, columns=["loss", "val_loss", "accuracy"])
    (fit,) = _read(pickle.dumps(frame)).fits
    assert fit.metrics["val_loss"].values.tolist() == values[:, 1].tolist()


@pytest.mark.parametrize("index", [False, True])
def test_a_column_or_an_index_of_epochs_counts(index):
    """From 1 as is likely, which is said."""
    frame = FRAME.assign(epoch=[1, 2, 3])
    reading = _read(pickle.dumps(frame.set_index("epoch") if index else frame))
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert [note.code for note in reading.notes] == ["counts_from_1"]


def test_what_is_no_plain_number_is_left_out_by_name():
    """Texts, times and numbers that may be missing."""
    frame = FRAME.assign(opt=["a", "b", "c"], when=pd.Timestamp("2020-01-01"), mae=pd.array([1, None, 2], "Int64"))
    reading = _read(pickle.dumps(frame))
    assert list(reading.fits[0].metrics) == ["loss", "val_loss"]
    assert sorted(note.metric for note in reading.notes if note.code == "not_a_number") == ["mae", "opt", "when"]


def test_nan_that_may_be_a_missing_value_is_said():
    """It is read as NaN, and answers from it are sampled."""
    reading = _read(pickle.dumps(FRAME.assign(val_loss=[1.0, np.nan, 0.5])))
    assert np.isnan(reading.fits[0].metrics["val_loss"].values[1])
    assert [(note.code, note.metric) for note in reading.notes][-1] == ("sampled", "val_loss")


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (FRAME.sort_values("loss"), "an index that is not that of its rows in their order"),
        (FRAME.iloc[::-1], "an index that is not that of its rows in their order"),
        (FRAME.set_index(pd.date_range("2020-01-01", periods=3)), "DataFrame with"),
        (pd.DataFrame({0: [1.0], 1: [2.0]}), "DataFrame with"),
        (pd.DataFrame({"city": [1.0, 2.0], "rain": [3.0, 4.0]}), "no columns of a training"),
        (pd.DataFrame({"loss": ["a"]}), "without a column of plain numbers"),
    ],
)
def test_a_frame_that_is_no_plain_history_is_refused(frame, why):
    """Its rows may stand in any order, or be no epochs."""
    with pytest.raises(ReadError, match=why):
        _read(pickle.dumps(frame))


def test_mutants_raise_nothing_but_our_errors():
    """Bytes changed or cut off."""
    noise = random.Random(13)
    seeds = [pickle.dumps(FRAME.assign(opt=["a", "b", "c"]), protocol) for protocol in (2, 5)]
    for _ in range(300):
        data = bytearray(noise.choice(seeds))
        for _ in range(noise.randrange(1, 3)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        content = bytes(data[: noise.choice([len(data), len(data), noise.randrange(1, len(data))])])
        try:
            HISTORY.read((Blob("x", content),))
        except KcbReplayError:
            continue
