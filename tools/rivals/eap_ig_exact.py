"""EAP-IG: attribute(..., method="exact") with a graph whose list of edges is the sample."""

import contextlib
import io

import torch

from rivals import Row
from rivals import flop
from rivals.hooked_model import FLAGS, load


def missing():
    try:
        import eap.attribute  # noqa: F401
    except ImportError as error:
        return f"eap: {error} (--eap-ig DIR)"
    return None


class Exact:
    """Its prompts are text; ours are token ids, which the model's to_tokens passes on unchanged and without BOS."""

    def __init__(self, work):
        self.work, self.model = work, load(work, FLAGS)
        self.model.to_tokens = lambda prompts, **ignored: torch.stack(prompts)
        self.batches = [(list(work.clean), list(work.corrupted), None)]

    def _metric(self, logits, clean_logits, lengths, labels):
        return self.work.metric(logits[torch.arange(len(logits)), lengths - 1])

    def measure(self, names):
        from eap.attribute import attribute
        from eap.graph import Graph

        graph = Graph.from_model(self.model)
        graph.scores = graph.scores.double()
        graph.edges = {name: graph.edges[name] for name in names}
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            attribute(self.model, graph, self.batches, self._metric, method="exact", quiet=True)
        return torch.stack([graph.edges[name].score for name in names]).view(-1, 1)


ROWS = [Row("EAP-IG", "`method=\"exact\"`", "edge", Exact, flop.eap_ig)]
