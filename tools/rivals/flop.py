"""FLOP of the products that each way of measuring takes for an effect on one prompt, by formula (a multiply-add is 2).

Norms, softmax and copies are not counted, and causal masks save nothing, as in the programs themselves.
"""

from rivals.work import N_TOKENS


def _layer(shape, rows):
    """Attention over all tokens and the MLP, for this many rows."""
    weights = 4 * shape.d_model**2 + 2 * shape.d_model * shape.d_mlp
    return 2 * rows * weights + 4 * rows * N_TOKENS * shape.d_model


def _unembed(shape, rows):
    return 2 * rows * shape.d_model * shape.vocab


def _edges_into(shape, layer):
    """Edges into the heads' q, k and v and the MLP of a layer."""
    writers = 1 + layer * (shape.n_heads + 1)
    return 3 * shape.n_heads * writers + writers + shape.n_heads


def _masks(shape, rows, first):
    """auto-circuit's sums over every writer, for every reader from a layer on."""
    logits = 1 + shape.n_layers * (shape.n_heads + 1)
    edges = logits + sum(_edges_into(shape, layer) for layer in range(first, shape.n_layers))
    return 2 * rows * shape.d_model * edges


def _mean_over_edges(shape, cost):
    """cost(layer that a pass starts at) over all edges; those into the logits start at the last layer."""
    edges = [_edges_into(shape, layer) for layer in range(shape.n_layers)]
    edges[-1] += 1 + shape.n_layers * (shape.n_heads + 1)
    return sum(n * cost(layer) for layer, n in enumerate(edges)) / sum(edges)


def _from(shape, rows, layer):
    return (shape.n_layers - layer) * _layer(shape, rows)


def forward(shape, case):
    return _from(shape, N_TOKENS, 0) + _unembed(shape, N_TOKENS)


def eap_ig(shape, case):
    """A pass of the corrupted prompt and one of the clean prompt, for every edge."""
    return 2 * forward(shape, case)


def auto_circuit(shape, case):
    return forward(shape, case) + _masks(shape, N_TOKENS, 0)


def auto_circuit_restarted(shape, case):
    rows = case.n_differing
    return _unembed(shape, rows) + _mean_over_edges(
        shape, lambda layer: _from(shape, rows, layer) + _masks(shape, rows, layer))


def from_reader_last_position(shape, case):
    return _unembed(shape, 1) + _mean_over_edges(shape, lambda layer: _from(shape, case.n_differing, layer))
