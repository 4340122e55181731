"""The tools that tools/bench runs beside Patchclamp, one a file, all with the same face.

A rival has NAME, and

    rival = open_rival(setup)         the model in its own form, both prompts run once
    rival.effects(edges)              the mean effect of each edge over the prompts, one edge after the other

with setup.hf the transformers model, setup.pairs the prompts and setup.dtype. An effect is metric(cut) - metric(clean),
the metric the logit difference, the source the corrupted prompt: Patchclamp's own words."""
