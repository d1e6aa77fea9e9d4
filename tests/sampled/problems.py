"""Problems that several tests of sampled theories share."""

# Two kinds of neurons and a target of two directions.
GROUPS = {
    "width": 3,
    "neurons": [
        {"count": 2, "second_layer": 1.0, "alignment": [0.3, 0.1]},
        {"count": 1, "second_layer": -0.6, "alignment": [0.0, 0.2]},
    ],
    "target": {"1,0": 0.7, "0,1": 0.4},
}
