"""`ondol cost`: what it predicts, how it says no, and a profile that goes from a CSV of measurements back into a prediction."""

import json
import os
import subprocess

import pytest
from conftest import ROOT

RNGD = ("--device", "rngd", "--model", "llama-3.1-8b")


def cost(*arguments):
    binary = os.environ.get("ONDOL_BIN", str(ROOT / "build" / "ondol"))
    return subprocess.run([binary, "cost", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def predict(*arguments):
    done = cost("predict", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_predict_adds_up():
    out = predict("--device", "rngd", "--cards", 4, "--model", "exaone-4.0-32b-fp8", "--batch", 8, "--context", 4096)
    assert out["step_ms"] == pytest.approx(sum(out["terms_ms"].values()), rel=1e-2)
    assert out["tokens_per_s"] == pytest.approx(8 / out["step_ms"] * 1e3, rel=1e-2)
    assert out["j_per_token"] == pytest.approx(out["power_w"] / out["tokens_per_s"], rel=1e-2)
    assert out["bound"] in out["terms_ms"]


@pytest.mark.parametrize("arguments, says", [
    (("--device", "nope", "--model", "llama-3.1-8b"), "rtx-4090"),
    (("--device", "rngd", "--model", "nope"), "exaone-4.0-32b"),
    (("--device", "rngd", "--model", "llama-3.1-70b"), "needs"),
    ((*RNGD, "--pes", 3), "3"),
])
def test_it_says_what_is_wrong(arguments, says):
    done = cost("predict", *arguments)
    assert done.returncode == 1 and says in done.stderr and not done.stdout


def test_a_profile_is_calibrated_and_used(tmp_path):
    rows, out = tmp_path / "rows.csv", tmp_path / "profile.json"
    slow = [(batch, 2000, 0, 1.5 * predict(*RNGD, "--batch", batch, "--context", 2000)["step_ms"]) for batch in (1, 2, 4, 8, 16, 32)]
    rows.write_text("batch,context,prefill_tokens,step_ms\n" + "".join(",".join(map(str, row)) + "\n" for row in slow))
    done = cost("calibrate", "--csv", rows, *RNGD, "--out", out)
    assert done.returncode == 0, done.stderr
    profiled = predict(*RNGD, "--profile", out, "--batch", 8, "--context", 2000)["step_ms"]
    assert profiled == pytest.approx(slow[3][3], rel=0.15)


def test_check_lists_every_figure():
    done = cost("check", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert len(rows) > 300
    assert {"rngd", "h100", "b200", "rtx-pro-6000"} <= {row["device"] for row in rows}
