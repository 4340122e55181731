"""Patchclamp: `patchclamp run` on a list of interventions, as a user runs it, start-up included."""

import json
import os
import subprocess
import tempfile

import torch

from rivals import BenchError, Row


class Run:
    def __init__(self, work, engine="delta"):
        self.work, self.engine = work, engine

    def _run(self, names, *more):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.work.task)) as place:
            listed = os.path.join(place, "list.jsonl")
            with open(listed, "w") as out:
                out.writelines(json.dumps({"cut": [name]}) + "\n" for name in names)
            done = subprocess.run(
                [self.work.patchclamp, "run", self.work.model_dir, "--task", self.work.task, "--interventions", listed,
                 "--threads", str(self.work.threads), "--engine", self.engine, "--bos", "never", "--json", *more],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(done.stderr.strip() or f"{self.work.patchclamp}: exit code {done.returncode}")
        return json.loads(done.stdout)

    def measure(self, names):
        return torch.tensor([one["effects"] for one in self._run(names)["interventions"]], dtype=torch.float64)

    def flop(self, names):
        """Of the products of one effect on one prompt, by its own count."""
        return self._run(names, "--plan")["flop"] / len(names) / self.work.n_prompts


ROWS = {unit: Row("Patchclamp", "`patchclamp run`", unit, Run, None) for unit in ("edge", "node")}
