"""What a stage's process leaves out, tried in processes of their own."""

import subprocess
import sys

import pytest

pytest.importorskip("pandas")  # comes with mlx-vlm


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


USE = """
import sys
import pyarrow as pa
from dlf_resources.heap import leave_out_pandas
"""


def test_arrow_does_not_load_pandas_to_look_at_a_list():
    assert said(USE + "pa.array([1]); print('pandas' in sys.modules)") == ["True"], "it no longer does: drop our trick"
    assert said(USE + "print(leave_out_pandas()); pa.array([1]); print('pandas' in sys.modules)") == ["True", "False"]


def test_who_wants_a_data_frame_gets_one():
    code = USE + "leave_out_pandas(); import pandas; print(pa.table({'a': [1]}).to_pandas()['a'].sum())"
    code += "; print(pa.array(pandas.Series([1.0, float('nan')])).null_count)"
    assert said(code) == ["1", "1"]


def test_where_pandas_is_loaded_it_stays():
    assert said("import pandas" + USE + "print(leave_out_pandas(), 'pandas' in sys.modules)") == ["False", "True"]
